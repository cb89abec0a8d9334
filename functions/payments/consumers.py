"""What the consumers of payments share: they keep the news, settle the payments, and then take the events.

The payments are settled before the events go into the inbox, outside of the consumer's transaction, which would be open
for as long as Stripe takes. That repeats harmlessly. An event whose payment could not be settled is not taken: it is
delivered again, or dead-lettered if Stripe refuses for good.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from itertools import chain

import psycopg

from kernel import telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.event import MalformedError
from kernel.contracts.orders import OrderEvent
from kernel.contracts.stock import StockEvent
from kernel.errors import UnavailableError
from kernel.messaging import consumer, events
from kernel.messaging.consumption import Batch
from kernel.messaging.events import Reader, Record
from kernel.storage.database import Connection, transaction
from payments import settlement
from payments.settlement import Failures, UndecidedError

type Handler = Callable[[Batch, LambdaContext], dict[str, list[dict[str, object]]]]
type Keep[E] = Callable[[Connection, E], None]
type Delivered[E] = list[tuple[Record, E]]

_failures: ContextVar[Failures] = ContextVar("failures")


def settled[E: OrderEvent | StockEvent](*contracts: type[E]) -> Callable[[Keep[E]], Handler]:
    """Make a Lambda handler of a function that keeps what one event tells; the order's payment is settled then."""
    reader = Reader(*contracts)

    @consumer.each("payments", *contracts)
    def acknowledge(_connection: Connection, event: E) -> None:
        error = _failures.get().get(event.order_id)
        if error and not isinstance(error, UndecidedError):
            raise error

    def decorate(keep: Keep[E]) -> Handler:
        def handler(event: Batch, context: LambdaContext) -> dict[str, list[dict[str, object]]]:
            _failures.set(_settle(list(_readable(reader, event)), keep, context))
            return acknowledge(event, context)

        return handler

    return decorate


def _readable[E: OrderEvent | StockEvent](reader: Reader[E], event: Batch) -> Iterator[tuple[Record, E]]:
    """Read the events that can be read; `acknowledge` sees to the others."""
    for record in map(events.parse, chain.from_iterable(event["records"].values())):
        try:
            found = reader.read(record)
        except MalformedError:
            continue
        if found:
            yield record, found[1]


def _settle[E: OrderEvent | StockEvent](delivered: Delivered[E], keep: Keep[E], context: LambdaContext) -> Failures:
    records = {event.order_id: record for record, event in delivered}
    try:
        failures = _keep_all([event for _, event in delivered], keep)
        return failures | settlement.settle(
            records.keys() - failures.keys(), context, lambda order_id: _begin(records[order_id])
        )
    except UnavailableError as error:
        return dict.fromkeys(records, error)


def _keep_all[E: OrderEvent | StockEvent](several: list[E], keep: Keep[E]) -> Failures:
    """Keep all that can be kept, order by order, so that two batches never wait for each other in a circle."""
    failures: Failures = {}
    with transaction("payments") as connection:
        for event in sorted(several, key=lambda each: each.order_id):
            try:
                with connection.transaction():
                    keep(connection, event)
            except psycopg.DataError as error:
                failures[event.order_id] = error
    return failures


def _begin(record: Record) -> None:
    telemetry.begin(*record.header("ce_correlationid", "traceparent"))
