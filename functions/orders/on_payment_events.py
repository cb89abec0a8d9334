"""payment-events: tell each order what became of its payment."""

from kernel import consumer
from kernel.contracts.payments import PaymentCompleted, PaymentEvent, PaymentFailed, PaymentRefunded
from kernel.database import Connection
from orders import model, repository


@consumer.each("orders", PaymentCompleted, PaymentFailed, PaymentRefunded)
def handler(connection: Connection, event: PaymentEvent) -> None:
    repository.change(connection, event.order_id, lambda order: model.hear(order, event))
