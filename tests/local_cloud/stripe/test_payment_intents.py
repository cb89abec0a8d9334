"""PaymentIntents at the local Stripe behave as at Stripe, as far as the application relies on it."""

import json
from uuid import uuid4

import pytest
import stripe

from tests.kit.stripe_clients import card, stripe_js


def create(client: stripe.StripeClient, **parameters: str) -> stripe.PaymentIntent:
    wanted = {"amount": 500, "currency": "usd", "automatic_payment_methods": {"enabled": True}, **parameters}
    return client.v1.payment_intents.create(wanted)  # type: ignore[arg-type]


def test_a_named_test_card_pays_without_a_customer(client: stripe.StripeClient) -> None:
    """The intent has succeeded, with the amount received and the charge's id."""
    intent = client.v1.payment_intents.confirm(
        create(client).id, {"payment_method": "pm_card_visa", "off_session": True, "return_url": "https://shop.example"}
    )
    assert intent.status == "succeeded"
    assert intent.amount_received == 500
    assert isinstance(intent.latest_charge, str)
    expanded = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]}).latest_charge
    assert isinstance(expanded, stripe.Charge)
    assert expanded.paid


@pytest.mark.parametrize(
    ("number", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000000341", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000069", "expired_card", None),
    ],
)
def test_a_declined_card_is_a_card_error(
    client: stripe.StripeClient, number: str, code: str, decline_code: str | None
) -> None:
    """402 with the codes, which the intent keeps, and it waits for another payment method."""
    intent = create(client)
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_intents.confirm(intent.id, {"payment_method": card(client, number)})
    error = json.loads(caught.value.http_body or "")["error"]
    assert (caught.value.http_status, error["code"], error["decline_code"]) == (402, code, decline_code)
    assert error["payment_intent"]["id"] == intent.id
    left = client.v1.payment_intents.retrieve(intent.id)
    assert left.status == "requires_payment_method"
    assert left.last_payment_error is not None
    assert left.last_payment_error.code == code


def test_another_card_pays_after_a_decline(client: stripe.StripeClient) -> None:
    """The same intent succeeds, and its error is gone."""
    intent = create(client)
    with pytest.raises(stripe.CardError):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa_chargeDeclined"})
    paid = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)


@pytest.mark.parametrize("action", ["confirm", "cancel"])
def test_what_is_paid_is_neither_confirmed_nor_cancelled(client: stripe.StripeClient, action: str) -> None:
    """400 with the code payment_intent_unexpected_state, and no second charge."""
    intent = create(client, payment_method="pm_card_visa", confirm="true")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        getattr(client.v1.payment_intents, action)(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    assert client.v1.payment_intents.retrieve(intent.id).latest_charge == intent.latest_charge


def test_what_is_cancelled_is_never_charged(client: stripe.StripeClient) -> None:
    """It keeps the reason, and a confirmation is refused."""
    intent = client.v1.payment_intents.cancel(create(client).id, {"cancellation_reason": "abandoned"})
    assert (intent.status, intent.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert caught.value.code == "payment_intent_unexpected_state"
    assert client.v1.payment_intents.retrieve(intent.id).latest_charge is None


def test_an_unknown_payment_method_is_told_by_its_code(client: stripe.StripeClient) -> None:
    """resource_missing, whether at the creation or at the confirmation; the intent stays as it was."""
    intent = create(client)
    with pytest.raises(stripe.InvalidRequestError) as at_creation:
        create(client, payment_method="pm_unknown")
    with pytest.raises(stripe.InvalidRequestError) as at_confirmation:
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_unknown"})
    assert {error.value.code for error in (at_creation, at_confirmation)} == {"resource_missing"}
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_intents_are_found_by_metadata_and_listed_newest_first(client: stripe.StripeClient) -> None:
    """A search has those with the order's id alone, and narrowed by status."""
    order = str(uuid4())
    mine = [create(client, metadata={"orderId": order}).id for _ in range(2)]  # type: ignore[arg-type]
    create(client, metadata={"orderId": "another"})  # type: ignore[arg-type]
    client.v1.payment_intents.cancel(mine[0])
    found = client.v1.payment_intents.search({"query": f"metadata['orderId']:'{order}'"}).data
    assert [intent.id for intent in found] == mine[::-1]
    open_ones = f"metadata['orderId']:'{order}' AND status:'requires_payment_method'"
    assert [intent.id for intent in client.v1.payment_intents.search({"query": open_ones}).data] == [mine[1]]
    assert [intent.id for intent in client.v1.payment_intents.list({"limit": 3}).data][1:] == mine[::-1]


def test_a_browser_pays_with_the_client_secret(client: stripe.StripeClient, stripe_api: str) -> None:
    """The publishable key makes the payment method and confirms; without the secret, and for all else, it is refused."""
    browser, intent = stripe_js(stripe_api), create(client)
    method = card(browser, "4242424242424242")
    with pytest.raises(stripe.AuthenticationError):
        browser.v1.payment_intents.confirm(intent.id, {"payment_method": method})
    with pytest.raises(stripe.AuthenticationError):
        browser.raw_request("post", f"/v1/payment_intents/{intent.id}/cancel", client_secret=intent.client_secret)
    confirmed = browser.raw_request(
        "post", f"/v1/payment_intents/{intent.id}/confirm", payment_method=method, client_secret=intent.client_secret
    )
    assert confirmed.data["status"] == "succeeded"
