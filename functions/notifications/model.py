"""The texts of notifications, by the event that causes them."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from kernel import currencies
from kernel.contracts.blogs import BlogEvent, BlogPublished, BlogUpdated
from kernel.contracts.notifications import Channel
from kernel.contracts.payments import (
    LaterPaymentEvent,
    PaymentCompleted,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentEvent,
    PaymentFailed,
    PaymentPartiallyRefunded,
    PaymentRefunded,
    PaymentRefundFailed,
)
from kernel.contracts.users import UserProfile, UserRegistered

EARLIEST = datetime.min.replace(tzinfo=UTC)

# After `has`.
HAPPENED: dict[type, str] = {BlogPublished: "been created", BlogUpdated: "been updated"}
# After `has failed`, for reasons other than the bank's.
WHY_IT_FAILED = {
    "out_of_stock": ": an item is out of stock, and nothing was charged",
    "expired": ": it was not completed in time",
}
OF_PAYMENTS: dict[type[PaymentEvent], Callable[[Any], str]] = {
    PaymentCompleted: lambda _: "has been completed",
    PaymentFailed: lambda event: f"has failed{WHY_IT_FAILED.get(event.reason, '')}",
    PaymentRefunded: lambda _: "has been refunded",
    PaymentPartiallyRefunded: lambda event: (
        f"has been refunded in part: {_money(event, event.amount_refunded)} of {_money(event, event.amount)}"
    ),
    PaymentRefundFailed: lambda event: (
        f"could not be refunded: your bank did not take {_money(event, event.refund_amount)}."
        " Please contact us, so that you get it in another way"
    ),
    PaymentDisputed: lambda event: f"has been disputed at your bank: {_money(event, event.disputed_amount)}",
    PaymentDisputeClosed: lambda event: f"is no longer disputed: {_decision(event)}",
}


class Notice(NamedTuple):
    """A notification that is not stored yet."""

    user_id: UUID
    type: Channel
    message: str


class Address(NamedTuple):
    """A user's e-mail address. *updated_at*: when the profile was changed to it, None if nobody said it."""

    email: str
    updated_at: datetime | None = None


def addresses(profiles: Iterable[UserProfile]) -> dict[UUID, Address]:
    """Return the latest address of each user. A profile without a time is older than one with a time."""
    known = [profile for profile in profiles if profile.email]
    in_order = sorted(known, key=lambda profile: profile.updated_at or EARLIEST)
    return {profile.user_id: Address(profile.email or "", profile.updated_at) for profile in in_order}


def of_registration(event: UserRegistered) -> Notice:
    """Return the welcome of a new user."""
    return Notice(event.user_id, Channel.EMAIL, f"Welcome, {event.username}! Your account has been created.")


def of_blog(event: BlogEvent) -> Notice:
    """Return the notification of the post's author."""
    return Notice(event.author_id, Channel.IN_APP, f"Your blog {event.title} has {HAPPENED[type(event)]}")


def of_payment(event: PaymentEvent) -> Notice | None:
    """Return the notification of the customer, or None if a guest paid."""
    if event.customer_id is None:
        return None
    message = f"Your payment for order {event.order_id} {OF_PAYMENTS[type(event)](event)}"
    return Notice(event.customer_id, Channel.IN_APP, message)


def _money(event: LaterPaymentEvent, amount: int) -> str:
    return currencies.write(amount, event.currency or "")


def _decision(event: PaymentDisputeClosed) -> str:
    if event.status == "lost":
        return f"your bank has given you {_money(event, event.disputed_amount)} back"
    return "it stays as it was"
