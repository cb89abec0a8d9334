"""The texts of notifications, without a server."""

from typing import Any
from uuid import UUID

import pytest

from kernel.contracts.blogs import BlogDeleted, BlogPublished, BlogUpdated
from kernel.contracts.notifications import Channel
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
from kernel.contracts.users import UserRegistered
from notifications import model

USER, ORDER = UUID(int=1), UUID(int=2)
OF: dict[str, Any] = {"order_id": ORDER, "amount": 1_500, "customer_id": USER}
DISPUTE: dict[str, Any] = {"currency": "EUR", "dispute_id": "du_1", "disputed_amount": 1_500}
PAYMENTS: list[tuple[PaymentEvent, str]] = [
    (PaymentCompleted(**OF), "has been completed"),
    (PaymentFailed(**OF, reason="card_declined"), "has failed"),
    (PaymentFailed(**OF, reason="out_of_stock"), "has failed: an item is out of stock, and nothing was charged"),
    (PaymentFailed(**OF, reason="expired"), "has failed: it was not completed in time"),
    (PaymentRefunded(**OF, currency="EUR"), "has been refunded"),
    (
        PaymentPartiallyRefunded(**OF, currency="EUR", amount_refunded=500),
        "has been refunded in part: 5.00 EUR of 15.00 EUR",
    ),
    (
        PaymentRefundFailed(**OF, currency="JPY", refund_id="re_1", refund_amount=500, amount_refunded=0),
        "could not be refunded: your bank did not take 500 JPY. Please contact us, so that you get it in another way",
    ),
    (PaymentDisputed(**OF, **DISPUTE, status="needs_response"), "has been disputed at your bank: 15.00 EUR"),
    (
        PaymentDisputeClosed(**OF, **DISPUTE, status="lost"),
        "is no longer disputed: your bank has given you 15.00 EUR back",
    ),
    (PaymentDisputeClosed(**OF, **DISPUTE, status="won"), "is no longer disputed: it stays as it was"),
]


@pytest.mark.parametrize(("event", "text"), PAYMENTS, ids=str)
def test_a_customer_reads_what_became_of_their_payment(event: PaymentEvent, text: str) -> None:
    """Amounts are written as people write them, in the currency's own decimals."""
    assert model.of_payment(event) == (USER, Channel.IN_APP, f"Your payment for order {ORDER} {text}")


def test_every_payment_event_has_a_text() -> None:
    """One that is added to the contracts is added here too."""
    assert {type(event) for event, _ in PAYMENTS} == model.OF_PAYMENTS.keys()


def test_a_guest_is_not_notified() -> None:
    """There is no account whose list could show it."""
    assert model.of_payment(PaymentCompleted(order_id=ORDER, amount=1_500)) is None


@pytest.mark.parametrize(("kind", "text"), [(BlogPublished, "been created"), (BlogUpdated, "been updated")])
def test_an_author_reads_what_happened_to_their_post(kind: type[BlogPublished | BlogUpdated], text: str) -> None:
    """By its title, in their list."""
    event = kind(blog_id=UUID(int=3), title="Trees", author_id=USER)

    assert model.of_blog(event) == (USER, Channel.IN_APP, f"Your blog Trees has {text}")
    assert BlogDeleted not in model.HAPPENED


def test_a_new_user_is_welcomed_by_email() -> None:
    """By name."""
    notice = model.of_registration(UserRegistered(user_id=USER, username="ann", email="ann@example.org"))

    assert notice == (USER, Channel.EMAIL, "Welcome, ann! Your account has been created.")
