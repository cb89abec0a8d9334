"""Moves payments on at Stripe, step by step, until nothing is left to be done.

1. Each payment that has a next step takes it, several at once and outside of any transaction.
2. What was learned is kept, and announced, in one transaction. Then the next round begins.

A run that is killed between any two of these leaves a payment as it was kept, and the next run goes on from there.
"""

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from kernel.aws.lambda_context import LambdaContext
from kernel.errors import UnavailableError
from kernel.storage.database import transaction
from kernel.telemetry import logger
from payments import gateway, store
from payments.model import News, Payment

PARALLEL = 8
# What a call that has just begun may take (its connection and its answer, each with a timeout), and what follows it.
RESERVE_MILLISECONDS = (2 * gateway.TIMEOUT_SECONDS + 8) * 1000

# Kept from one invocation to the next, as its threads keep their connections to Stripe.
_pool = ThreadPoolExecutor(PARALLEL)


class UndecidedError(Exception):
    """Stripe is still processing what is to be cancelled, for days perhaps: the reconciliation asks again."""


type Failures = dict[UUID, Exception]
type Act = Callable[[Payment], News]
type Begin = Callable[[UUID], object]


def settle(order_ids: Iterable[UUID], context: LambdaContext, begin: Begin = lambda _: None) -> Failures:
    """Move the orders' payments on as far as they go; return why some have not gone that far.

    *begin* is called before an order's news are kept, to continue its trace.
    """
    failures: Failures = {}
    left = set(order_ids)
    # It ends: each round moves a payment forward or puts it among the failures.
    while left:
        with transaction("payments") as connection:
            due = [payment for payment in store.lock(connection, left) if payment.next_step]
        failures |= learn(due, _take_step, context, begin)
        left = {payment.order_id for payment in due} - failures.keys()
    return failures


def learn(payments: Collection[Payment], act: Act, context: LambdaContext, begin: Begin = lambda _: None) -> Failures:
    """Keep what *act* learns of each payment; return why nothing was learned of some."""
    outcomes = _pool.map(lambda payment: _attempt(act, payment, context), payments)
    found = {payment.order_id: outcome for payment, outcome in zip(payments, outcomes, strict=True)}
    failures = {order_id: outcome for order_id, outcome in found.items() if isinstance(outcome, Exception)}
    for order_id, error in failures.items():
        # Our own errors say nothing secret; another's may quote what it was given.
        told = str(error) if isinstance(error, (UnavailableError, gateway.RefusedError)) else type(error).__name__
        logger.warning("payment waits", extra={"orderId": str(order_id), "error": told})
    if found.keys() == failures.keys():
        return failures
    with transaction("payments") as connection:
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


def _take_step(payment: Payment) -> News:
    if payment.next_step is None:
        return News()
    return gateway.take(payment.next_step, payment)


def _attempt(act: Act, payment: Payment, context: LambdaContext) -> News | Exception:
    """What was learned, or why nothing was: one payment's failure is not another's."""
    if context.get_remaining_time_in_millis() < RESERVE_MILLISECONDS:
        return UnavailableError("There is no time left for it.")
    try:
        return act(payment)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told with the payment
        return error
