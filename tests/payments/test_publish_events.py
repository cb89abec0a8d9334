"""The relay of payments."""

from payments import publish_events, store
from payments.model import News
from tests.kit import relays
from tests.kit.databases import Database
from tests.payments import orders


def test_publishes_what_became_of_a_payment_in_order(payments: Database, kafka: str) -> None:
    """Under the order's id, each event once."""
    payment = orders.known(payments)
    with payments.connect("app") as connection:
        for money in ("taken", "returned"):
            store.change(connection, orders.now(payments, payment), News(money))
    with relays.relaying(payments, kafka, "payment-events"):
        assert relays.run(publish_events) == {"published": 2, "parked": 0, "failures": 0}
        assert relays.run(publish_events)["published"] == 0
    received = relays.received(kafka, "payment-events")[str(payment.order_id)]
    assert [kind for _, kind in received] == ["PaymentCompleted", "PaymentRefunded"]
