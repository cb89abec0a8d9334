"""Customers are told what became of their payment."""

from uuid import UUID, uuid4

import pytest

from kernel.contracts.payments import PaymentCompleted, PaymentEvent, PaymentFailed, PaymentRefunded
from notifications.on_payment_events import handler
from tests.databases import Database
from tests.lambda_events import Context
from tests.notifications.reading import SignIn, messages
from tests.published import delivered

ORDER = UUID("019aa000-0000-7000-8000-000000000000")


@pytest.mark.parametrize(
    ("happened", "text"),
    [(PaymentCompleted, "been completed"), (PaymentFailed, "failed"), (PaymentRefunded, "been refunded")],
)
def test_tells_the_customer(notifications: Database, sign_in: SignIn, happened: type[PaymentEvent], text: str) -> None:
    """Each outcome of a payment becomes an in-app notification that names the order."""
    ada = uuid4()
    handler(delivered(happened(order_id=ORDER, amount=500, customer_id=ada)), Context())
    assert messages(sign_in(ada)) == [("in-app", f"Your payment for order {ORDER} has {text}")]


def test_is_silent_when_nobody_is_known_to_have_paid(notifications: Database) -> None:
    """A payment without a customer is no error, and no notification."""
    assert handler(delivered(PaymentCompleted(order_id=ORDER, amount=500)), Context()) == {"batchItemFailures": []}
    assert notifications.rows("SELECT * FROM notifications") == []
