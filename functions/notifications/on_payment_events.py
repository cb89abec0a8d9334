"""payment-events: notify customers of the outcome of their payment."""

from kernel.contracts.payments import PaymentEvent
from kernel.messaging import consumer
from kernel.storage.database import Connection
from notifications import model, notices


@consumer.batch(*model.OF_PAYMENTS, ignores_replays=True)
def handler(connection: Connection, events: list[PaymentEvent]) -> None:
    notices.notify(connection, [notice for event in events if (notice := model.of_payment(event))])
