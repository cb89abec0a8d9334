"""Stripe's events, as far as they tell of a payment.

Stripe: "Types of events". Of an object no more is read than is needed: what else is in it is not ours to keep.
"""

import msgspec
from msgspec import Raw, Struct

from kernel.errors import InvalidError
from payments import model
from payments.model import News, Payment


class EventData(Struct, frozen=True):
    object: Raw = Raw(b"null")


class Event(Struct, frozen=True):
    """*data*: of whatever kind the type says."""

    id: str
    type: str
    data: EventData = EventData()


class PaymentError(Struct, frozen=True):
    code: str | None = None
    decline_code: str | None = None


class Intent(Struct, frozen=True):
    id: str
    last_payment_error: PaymentError | None = None


class Charge(Struct, frozen=True):
    """*refunded*: all of it was."""

    payment_intent: str | None
    refunded: bool


def read(body: bytes) -> Event:
    """Raises InvalidError."""
    try:
        return msgspec.json.decode(body, type=Event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidError("The body is no event of Stripe's.") from None


def intent_id(event: Event) -> str | None:
    """The intent that *event* tells of; None if it is of no use to us."""
    match event.type:
        case "payment_intent.succeeded" | "payment_intent.canceled" | "payment_intent.payment_failed":
            return _intent(event).id
        case "charge.refunded":
            return _charge(event).payment_intent
    return None


def news(event: Event, payment: Payment) -> News:
    """What *event* tells of *payment*, whose intent it names."""
    match event.type:
        case "payment_intent.succeeded":
            return News(money="taken")
        case "payment_intent.canceled":
            return News(money="ended")
        case "payment_intent.payment_failed":
            error = _intent(event).last_payment_error or PaymentError()
            return model.decline(payment, error.decline_code or error.code or "declined")
        case "charge.refunded" if _charge(event).refunded:
            return News(money="returned")
    return News()


def _intent(event: Event) -> Intent:
    return msgspec.json.decode(event.data.object, type=Intent)


def _charge(event: Event) -> Charge:
    return msgspec.json.decode(event.data.object, type=Charge)
