"""What Stripe's events tell, without a server."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import stripe_events
from payments.stripe_events import Told, UnreadableError


def told(kind: str, **content: object) -> Told | None:
    event = {"id": "evt_1", "type": kind, "created": 1_800_000_000, "data": {"object": content}}
    return stripe_events.tell(stripe_events.read(json.dumps(event).encode()))


def test_an_event_tells_of_the_payment_of_an_intent() -> None:
    """In our words: what was taken, what goes back, and why the bank refused."""
    paid = told("payment_intent.succeeded", id="pi_1", amount=500, amount_received=300, currency="eur")
    refused = told("payment_intent.payment_failed", id="pi_1", last_payment_error={"code": "card_declined"})
    refund = told("refund.failed", id="re_1", amount=200, payment_intent="pi_1", status="failed")
    dispute = told("charge.dispute.created", id="du_1", amount=500, currency="eur", status="needs_response")

    assert paid
    assert (paid.intent_id, paid.news.taken_amount, paid.news.taken_currency) == ("pi_1", 300, "EUR")
    assert refused
    assert (refused.intent_id, refused.declined) == ("pi_1", "card_declined")
    assert refund
    assert [each.has_failed for each in refund.news.refunds] == [True]
    assert dispute
    assert [each.is_closed for each in dispute.news.disputes] == [False]


def test_an_event_of_another_kind_tells_nothing() -> None:
    """Its object may be anything."""
    assert told("customer.created", id=5) is None


@pytest.mark.parametrize("content", [{}, {"id": 5}, {"id": "pi_1", "amount": "500", "currency": "usd"}])
def test_an_object_that_does_not_fit_is_refused_with_what_the_log_needs(content: dict[str, object]) -> None:
    """The event's id and type; the client sees the type alone."""
    with pytest.raises(UnreadableError, match=r"payment_intent\.succeeded") as refused:
        told("payment_intent.succeeded", **content)

    assert refused.value.details["eventId"] == "evt_1"
    assert "evt_1" not in str(refused.value)


@given(st.binary(max_size=80))
@settings(deadline=None)
def test_no_body_is_an_error_of_ours(body: bytes) -> None:
    """Bytes are an event of Stripe's, or they are refused."""
    try:
        event = stripe_events.read(body)
    except UnreadableError:
        return
    assert event.id
