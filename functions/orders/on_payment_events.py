"""payment-events: tell each order what became of its payment."""

from kernel import consumer
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
from kernel.database import Connection
from orders import model, repository


@consumer.each(
    "orders",
    PaymentCompleted,
    PaymentFailed,
    PaymentRefunded,
    PaymentPartiallyRefunded,
    PaymentRefundFailed,
    PaymentDisputed,
    PaymentDisputeClosed,
)
def handler(connection: Connection, event: PaymentEvent) -> None:
    repository.change(connection, event.order_id, lambda order: model.hear(order, event))
