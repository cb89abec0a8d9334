"""Moves payments on at Stripe, step by step, until nothing is left to be done.

1. Each payment that has a next step takes it: several at once, outside of any transaction.
2. The outcomes are stored and announced in one transaction. Then the next round begins.

A run that is killed between any two of these leaves the payments as they were stored. The next run continues there.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg

from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.orders import OrderEvent
from kernel.contracts.stock import StockEvent
from kernel.errors import UnavailableError
from kernel.messaging.deliveries import Delivery, continue_trace
from kernel.storage.database import Connection
from kernel.telemetry import logger
from payments import gateway, store
from payments.database import transaction
from payments.model import News, Payment

PARALLEL = 8
# What a call that has just begun may take (its connection and its answer, each with a timeout), and what follows it.
RESERVE_MILLISECONDS = (2 * gateway.TIMEOUT_SECONDS + 8) * 1000

# Kept from one invocation to the next, as its threads keep their connections to Stripe.
_pool = ThreadPoolExecutor(PARALLEL)


class UndecidedError(Exception):
    """Stripe is still processing what is to be cancelled, perhaps for days. The reconciliation asks again."""


type Failures = dict[UUID, Exception]
type Keep[E] = Callable[[Connection, E], None]
type Act = Callable[[Payment], News]
type Begin = Callable[[UUID], object]


def keep_and_settle[E: OrderEvent | StockEvent](
    delivered: Sequence[Delivery[E]], keep: Keep[E], context: LambdaContext
) -> Failures:
    """Store each event with *keep*, then settle the payments of their orders. Returns the failures by event.

    It is the phase before the inbox: the consumer's transaction would be open for as long as Stripe takes. It is safe to
    repeat. An event whose payment Stripe is still processing counts as done, so that it holds up no other.
    """
    failures = _keep_all(delivered, keep)
    kept = [each for each in delivered if each.id not in failures]
    latest = {each.event.order_id: each for each in kept}
    unsettled = settle(latest, context, lambda order_id: continue_trace(latest[order_id]))
    for each in kept:
        error = unsettled.get(each.event.order_id)
        if error and not isinstance(error, UndecidedError):
            failures[each.id] = error
    return failures


def settle(order_ids: Iterable[UUID], context: LambdaContext, begin: Begin = lambda _: None) -> Failures:
    """Move the orders' payments on as far as possible. Returns the failures by order.

    *begin* is called before an order's news are stored, to continue its trace.
    """
    failures: Failures = {}
    left = set(order_ids)
    # It ends: each round moves a payment forward or puts it among the failures.
    while left:
        with transaction() as connection:
            due = [payment for payment in store.lock(connection, left) if payment.next_step]
        failures |= learn(due, _take_step, context, begin)
        left = {payment.order_id for payment in due} - failures.keys()
    return failures


def learn(payments: Collection[Payment], act: Act, context: LambdaContext, begin: Begin = lambda _: None) -> Failures:
    """Ask *act* for news of each payment and store them. Returns the failures by order."""
    outcomes = _pool.map(lambda payment: _attempt(act, payment, context), payments)
    found = {payment.order_id: outcome for payment, outcome in zip(payments, outcomes, strict=True)}
    failures = {order_id: outcome for order_id, outcome in found.items() if isinstance(outcome, Exception)}
    for order_id, error in failures.items():
        # Our own errors say nothing secret; another's may quote what it was given.
        told = str(error) if isinstance(error, (UnavailableError, gateway.RefusedError)) else type(error).__name__
        logger.warning("payment waits", extra={"orderId": str(order_id), "error": told})
    if found.keys() == failures.keys():
        return failures
    with transaction() as connection:
        for payment in store.lock(connection, found.keys() - failures.keys()):
            begin(payment.order_id)
            news = found[payment.order_id]
            if isinstance(news, News) and payment.after(news).mismatched and not payment.mismatched:
                logger.error("another amount was paid than ordered", extra={"orderId": str(payment.order_id)})
            if isinstance(news, News) and not store.change(connection, payment, news) and payment.next_step:
                processing = payment.next_step == "cancel" and payment.waiting_for == "processing"
                why = UndecidedError() if processing else UnavailableError("There is no news of the payment yet.")
                failures[payment.order_id] = why
    return failures


def _keep_all[E: OrderEvent | StockEvent](delivered: Sequence[Delivery[E]], keep: Keep[E]) -> Failures:
    """Store all events that can be stored. Returns the failures by event.

    Sorted by order, so that two batches cannot deadlock.
    """
    failures: Failures = {}
    with transaction() as connection:
        for each in sorted(delivered, key=lambda delivery: delivery.event.order_id):
            try:
                with connection.transaction():
                    keep(connection, each.event)
            except psycopg.DataError as error:
                failures[each.id] = error
    return failures


def _take_step(payment: Payment) -> News:
    if payment.next_step is None:
        return News()
    return gateway.take(payment.next_step, payment)


def _attempt(act: Act, payment: Payment, context: LambdaContext) -> News | Exception:
    """Return the news of *act* or its exception: one payment's failure is not another's."""
    if context.get_remaining_time_in_millis() < RESERVE_MILLISECONDS:
        return UnavailableError("There is no time left for it.")
    try:
        return act(payment)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this payment's failure
        return error
