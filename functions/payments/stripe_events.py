"""Stripe's events about payments.

Stripe: "Types of events". Only the needed fields of an object are read, because the others may be personal.
"""

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct

from kernel.errors import InvalidError
from payments import disputes, model, refunds
from payments.disputes import Dispute
from payments.model import News, Payment

# Limits of what Postgres stores as a text and as a number.
Word = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00]*\Z")]
Amount = Annotated[int, Meta(ge=0, le=999_999_999_999)]


class EventData(Struct, frozen=True):
    object: Raw = Raw(b"null")


class Event(Struct, frozen=True):
    """*data*: depends on the type. *created*: in seconds since 1970."""

    id: Word
    type: str
    created: Annotated[int, Meta(ge=0, le=1 << 40)] = 0
    data: EventData = EventData()


class PaymentError(Struct, frozen=True):
    code: Word | None = None
    decline_code: Word | None = None


class Intent(Struct, frozen=True):
    id: Word
    last_payment_error: PaymentError | None = None


class PaidIntent(Struct, frozen=True):
    """*amount_received*: less than *amount* if only a part was captured."""

    id: Word
    amount: Amount
    currency: Word
    amount_received: Amount | None = None


class Charge(Struct, frozen=True):
    """*amount_refunded*: the total so far."""

    payment_intent: Word | None
    amount_refunded: Amount


class RefundObject(Struct, frozen=True):
    id: Word
    amount: Amount
    payment_intent: Word | None = None
    status: Word | None = None
    failure_reason: Word | None = None


class DisputeObject(Struct, frozen=True):
    id: Word
    amount: Amount
    currency: Word
    status: Word
    payment_intent: Word | None = None
    reason: Word | None = None


class Told(NamedTuple):
    """The news in an event about the intent *intent_id*. *declined*: the bank's reason if it refused."""

    intent_id: str | None
    news: News = News()
    declined: str | None = None


class UnreadableError(InvalidError):
    """A message is not what Stripe documents. *details*: for the log."""

    def __init__(self, message: str, **details: str) -> None:
        super().__init__(message)
        self.details = details


def read(body: bytes) -> Event:
    """Decode a webhook's body. Raises UnreadableError."""
    try:
        return msgspec.json.decode(body, type=Event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError("The body is not an event of Stripe.", error=str(error)) from None


def tell(event: Event) -> Told | None:
    """Return the news in *event*, or None if it is not about a payment.

    Raises UnreadableError for an object that is not what the event's type says.
    """
    try:
        return _tell(event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        details = {"eventId": event.id, "eventType": event.type, "error": str(error)}
        raise UnreadableError(f"The object does not fit the event's type, {event.type}.", **details) from None


def news(told: Told, payment: Payment) -> News:
    """Return the news for *payment*."""
    return model.decline(payment, told.declined) if told.declined else told.news


def _tell(event: Event) -> Told | None:
    match event.type:
        case "payment_intent.succeeded":
            paid = _object(event, PaidIntent)
            amount = paid.amount if paid.amount_received is None else paid.amount_received
            return Told(paid.id, News(money="taken", taken_amount=amount, taken_currency=paid.currency.upper()))
        case "payment_intent.canceled":
            return Told(_object(event, Intent).id, News(money="ended"))
        case "payment_intent.payment_failed":
            intent = _object(event, Intent)
            error = intent.last_payment_error or PaymentError()
            return Told(intent.id, declined=error.decline_code or error.code or "declined")
        case "charge.refunded":
            charge = _object(event, Charge)
            return Told(charge.payment_intent, News(refunded=charge.amount_refunded))
        case "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated":
            refund = _object(event, RefundObject)
            found = refunds.of_status(refund.id, refund.amount, refund.status, refund.failure_reason)
            return Told(refund.payment_intent, News(refunds=(found,)))
    return _tell_of_dispute(event) if event.type.startswith("charge.dispute.") else None


def _tell_of_dispute(event: Event) -> Told:
    found = _object(event, DisputeObject)
    dispute = Dispute(
        found.id,
        found.amount,
        found.currency.upper(),
        found.status,
        event.created,
        is_closed=event.type == "charge.dispute.closed" or found.status in disputes.ENDS,
        reason=found.reason,
        withdrawn=event.type == "charge.dispute.funds_withdrawn",
        reinstated=event.type == "charge.dispute.funds_reinstated",
    )
    return Told(found.payment_intent, News(disputes=(dispute,)))


def _object[T](event: Event, kind: type[T]) -> T:
    return msgspec.json.decode(event.data.object, type=kind)
