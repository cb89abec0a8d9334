"""What happened, in words for the user whom it concerns."""

from typing import NamedTuple
from uuid import UUID

from kernel.contracts.blogs import BlogEvent, BlogPublished, BlogUpdated
from kernel.contracts.notifications import Channel
from kernel.contracts.payments import PaymentCompleted, PaymentEvent, PaymentFailed, PaymentRefunded
from kernel.contracts.users import UserRegistered

# After `has`.
HAPPENED: dict[type, str] = {
    BlogPublished: "been created",
    BlogUpdated: "been updated",
    PaymentCompleted: "been completed",
    PaymentFailed: "failed",
    PaymentRefunded: "been refunded",
}


class Notice(NamedTuple):
    """A notification that is yet to be added."""

    user_id: UUID
    type: Channel
    message: str


def of_registration(event: UserRegistered) -> Notice:
    return Notice(event.user_id, Channel.EMAIL, f"Welcome, {event.username}! Your account has been created.")


def of_blog(event: BlogEvent) -> Notice:
    return Notice(event.author_id, Channel.IN_APP, f"Your blog {event.title} has {HAPPENED[type(event)]}")


def of_payment(event: PaymentEvent) -> Notice | None:
    """None when nobody is known to have paid."""
    if event.customer_id is None:
        return None
    message = f"Your payment for order {event.order_id} has {HAPPENED[type(event)]}"
    return Notice(event.customer_id, Channel.IN_APP, message)
