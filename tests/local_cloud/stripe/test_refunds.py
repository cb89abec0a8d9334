"""Refunds at the local Stripe."""

import pytest
import stripe


@pytest.fixture
def paid(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )


def test_a_refund_names_its_intent_and_reason(client: stripe.StripeClient, paid: stripe.PaymentIntent) -> None:
    """The charge is refunded whole, and the refund is listed under its intent."""
    refund = client.v1.refunds.create({"payment_intent": paid.id, "reason": "requested_by_customer"})
    assert (refund.amount, refund.status, refund.reason) == (500, "succeeded", "requested_by_customer")
    assert refund.payment_intent == paid.id
    assert [found.id for found in client.v1.refunds.list({"payment_intent": paid.id}).data] == [refund.id]


def test_never_more_is_refunded_than_was_charged(client: stripe.StripeClient, paid: stripe.PaymentIntent) -> None:
    """After a part, the rest and no more; after the whole, the code charge_already_refunded."""
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 200})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": paid.id, "amount": 301})
    assert client.v1.refunds.create({"payment_intent": paid.id}).amount == 300
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert caught.value.code == "charge_already_refunded"


def test_what_was_not_paid_is_not_refunded(client: stripe.StripeClient) -> None:
    """An intent without a successful charge is refused with a 400."""
    intent = client.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": intent.id})
