"""payment-events: tell customers what became of their payment."""

from kernel.contracts.payments import PaymentEvent
from kernel.storage.database import Connection
from notifications import model
from notifications.consumers import consumer_of
from notifications.model import Notice


@consumer_of(*model.OF_PAYMENTS)
def handler(_connection: Connection, events: list[PaymentEvent]) -> list[Notice]:
    return [notice for event in events if (notice := model.of_payment(event))]
