"""Customers are told what became of their payment."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

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
from notifications.on_payment_events import handler
from tests.kit.databases import Database
from tests.kit.lambda_events import Context
from tests.kit.published import delivered
from tests.notifications.reading import SignIn, messages

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


FACTS: dict[str, Any] = {"order_id": ORDER, "amount": 500, "currency": "EUR"}
DISPUTE: dict[str, Any] = {**FACTS, "dispute_id": "du_1", "disputed_amount": 500}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (PaymentPartiallyRefunded(**FACTS, amount_refunded=200), "been refunded in part: 2.00 EUR of 5.00 EUR"),
        (
            PaymentRefundFailed(**FACTS, refund_id="re_1", refund_amount=500, amount_refunded=0),
            "could not be refunded: your bank did not take 5.00 EUR",
        ),
        (PaymentDisputed(**DISPUTE, status="needs_response"), "has been disputed at your bank: 5.00 EUR"),
        (PaymentDisputeClosed(**DISPUTE, status="won"), "is no longer disputed: it stays as it was"),
        (PaymentDisputeClosed(**DISPUTE, status="lost"), "your bank has given you 5.00 EUR back"),
    ],
)
def test_tells_what_goes_back(notifications: Database, sign_in: SignIn, event: PaymentEvent, text: str) -> None:
    """With the amount as people write it."""
    ada = uuid4()
    handler(delivered(replace(event, customer_id=ada)), Context())
    [(_, message)] = messages(sign_in(ada))
    assert message.startswith(f"Your payment for order {ORDER} ")
    assert text in message


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("out_of_stock", ": an item is out of stock, and nothing was charged"),
        ("expired", ": it was not completed in time"),
        ("card_declined", ""),
        (None, ""),
    ],
)
def test_says_why_a_payment_failed(notifications: Database, sign_in: SignIn, reason: str | None, words: str) -> None:
    """In words, where it is not the bank's reason."""
    ada = uuid4()
    handler(delivered(PaymentFailed(order_id=ORDER, amount=500, customer_id=ada, reason=reason)), Context())
    assert messages(sign_in(ada)) == [("in-app", f"Your payment for order {ORDER} has failed{words}")]


def test_is_silent_when_nobody_is_known_to_have_paid(notifications: Database) -> None:
    """A payment without a customer is no error, and no notification."""
    assert handler(delivered(PaymentCompleted(order_id=ORDER, amount=500)), Context()) == {"batchItemFailures": []}
    assert notifications.rows("SELECT * FROM notifications") == []
