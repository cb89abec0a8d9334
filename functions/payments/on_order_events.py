"""order-events: charge each new order once; a cancelled one is not charged, or its money is given back.

The payments are settled before the events go into the inbox, outside of the consumer's transaction, which would be open
for as long as Stripe takes. That repeats harmlessly. An event whose payment could not be settled is not taken: it is
delivered again, or dead-lettered if Stripe refuses for good.
"""

import os
from collections.abc import Iterator
from contextvars import ContextVar
from itertools import chain

import psycopg

from kernel import consumer, events, telemetry
from kernel.consumption import Batch
from kernel.contracts.orders import OrderCancelled, OrderCreated, OrderEvent
from kernel.database import Connection, transaction
from kernel.errors import UnavailableError
from kernel.events import MalformedError, Reader, Record
from kernel.lambda_context import LambdaContext
from payments import model, settlement, store
from payments.model import News
from payments.settlement import Failures

_reader = Reader(OrderCreated, OrderCancelled)
_failures: ContextVar[Failures] = ContextVar("failures")


@consumer.each("payments", OrderCreated, OrderCancelled)
def acknowledge(_connection: Connection, event: OrderEvent) -> None:
    if error := _failures.get().get(event.order_id):
        raise error


def handler(event: Batch, context: LambdaContext) -> dict[str, list[dict[str, object]]]:
    orders = [(record, order) for record, order in _orders(event)]
    try:
        failures = _hear([order for _, order in orders])
        records = {order.order_id: record for record, order in orders}
        failures |= settlement.settle(records.keys() - failures.keys(), context, lambda id_: _begin(records[id_]))
    except UnavailableError as error:
        failures = dict.fromkeys((order.order_id for _, order in orders), error)
    _failures.set(failures)
    return acknowledge(event, context)


def _orders(event: Batch) -> Iterator[tuple[Record, OrderEvent]]:
    """The events that can be read; `acknowledge` sees to the others."""
    for record in map(events.parse, chain.from_iterable(event["records"].values())):
        try:
            found = _reader.read(record)
        except MalformedError:
            continue
        if found:
            yield record, found[1]


def _hear(orders: list[OrderEvent]) -> Failures:
    """Keep what the orders want, all that can be kept."""
    failures: Failures = {}
    with transaction("payments") as connection:
        for order in orders:
            try:
                with connection.transaction():
                    _keep(connection, order)
            except psycopg.DataError as error:
                failures[order.order_id] = error
    return failures


def _keep(connection: Connection, order: OrderEvent) -> None:
    if isinstance(order, OrderCreated):
        store.add(connection, model.of_order(order, os.environ.get("DEFAULT_PAYMENT_METHOD") or None))
    elif isinstance(order, OrderCancelled):
        store.add(connection, model.of_cancelled_order(order))
        [payment] = store.lock(connection, [order.order_id])
        store.change(connection, payment, News(cancelled=True))


def _begin(record: Record) -> None:
    telemetry.begin(*record.header("ce_correlationid", "traceparent"))
