"""payment-events: change each order by the outcome of its payment.

Payments also serves orders of other services. Payments of unknown orders are skipped and counted.
"""

from kernel.contracts.payments import (
    PaymentCompleted,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentEvent,
    PaymentFailed,
    PaymentPartiallyRefunded,
    PaymentRefunded,
    PaymentRefundFailed,
)
from kernel.errors import NotFoundError, NotOursError
from kernel.messaging import consumer
from kernel.storage.database import Connection
from orders import model, repository


@consumer.each(
    PaymentCompleted,
    PaymentFailed,
    PaymentRefunded,
    PaymentPartiallyRefunded,
    PaymentRefundFailed,
    PaymentDisputed,
    PaymentDisputeClosed,
    ignores_replays=True,
    idempotent_without_inbox=True,
)
def handler(connection: Connection, event: PaymentEvent) -> None:
    try:
        repository.change(connection, event.order_id, lambda order: model.follow_payment(order, event))
    except NotFoundError:
        raise NotOursError(f"There is no order {event.order_id}.") from None
