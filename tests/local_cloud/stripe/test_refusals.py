"""The local Stripe refuses what Stripe refuses, and says it in Stripe's words."""

from typing import Any

import pytest
import stripe

from tests.kit.stripe_clients import stripe_js


@pytest.mark.parametrize(
    "key", ["sk_test_of_another", "sk_live_real", "rk_test_of_another", "pk_live_1", "nonsense", "xyz"]
)
def test_refuses_every_key_but_the_accounts_own(stripe_api: str, key: str) -> None:
    """401 as at Stripe, which does not repeat the key."""
    other = stripe.StripeClient(key, base_addresses={"api": stripe_api}, max_network_retries=0)
    for call in (other.v1.payment_intents.list, lambda: other.v1.payment_methods.retrieve("pm_card_visa")):
        with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided") as caught:
            call()
        assert caught.value.http_status == 401
        assert key not in str(caught.value)


def test_a_publishable_key_does_what_browsers_do_and_no_more(stripe_api: str) -> None:
    """Nothing is listed or refunded with it."""
    for call in (stripe_js(stripe_api).v1.payment_intents.list, stripe_js(stripe_api).v1.refunds.list):
        with pytest.raises(stripe.AuthenticationError, match="publishable"):
            call()


WRONG: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
    ({"amount": 49, "currency": "jpy"}, "amount_too_small", "amount"),
    ({"amount": 29, "currency": "gbp"}, "amount_too_small", "amount"),
    ({"amount": 100_000_000, "currency": "usd"}, "amount_too_large", "amount"),
    ({"amount": 0, "currency": "usd"}, "parameter_invalid_integer", "amount"),
    ({"amount": -500, "currency": "usd"}, "parameter_invalid_integer", "amount"),
    ({"amount": "5.00", "currency": "usd"}, "parameter_invalid_integer", "amount"),
    ({"currency": "usd"}, "parameter_missing", "amount"),
    ({"amount": 500}, "parameter_missing", "currency"),
    ({"amount": 500, "currency": "xau"}, None, "currency"),
    ({"amount": 5124, "currency": "kwd"}, None, "amount"),
    ({"amount": 550, "currency": "isk"}, None, "amount"),
    ({"amount": 500, "currency": "usd", "colour": "red"}, "parameter_unknown", "colour"),
    ({"amount": 500, "currency": "usd", "payment_method": "pm_unknown"}, "resource_missing", "payment_method"),
]


@pytest.mark.parametrize(("parameters", "code", "parameter"), WRONG)
def test_refuses_what_cannot_be_charged(
    client: stripe.StripeClient, parameters: dict[str, Any], code: str | None, parameter: str | None
) -> None:
    """400, with Stripe's code and the parameter at fault."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create(parameters)  # type: ignore[arg-type]
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, parameter)


def test_charges_in_all_of_stripes_currencies(client: stripe.StripeClient) -> None:
    """Also in capital letters, and in what the application refuses because it would mean another amount."""
    for code in ("USD", "KWD", "MGA", "ISK", "UGX", "JPY"):
        intent = client.v1.payment_intents.create({"amount": 20_000, "currency": code})
        assert (intent.amount, intent.currency) == (20_000, code.lower())


def test_an_amount_is_changed_before_it_is_paid_and_not_after(client: stripe.StripeClient) -> None:
    """Metadata may be changed at any time."""
    intent = client.v1.payment_intents.create({"amount": 500, "currency": "usd", "metadata": {"orderId": "1"}})
    assert client.v1.payment_intents.update(intent.id, {"amount": 700}).amount == 700
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.update(intent.id, {"amount": 7})
    paid = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert paid.amount_received == 700
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.update(intent.id, {"amount": 500})
    assert caught.value.code == "payment_intent_unexpected_state"
    described = client.v1.payment_intents.update(intent.id, {"metadata": {"note": "2"}})
    assert (described.metadata["orderId"], described.metadata["note"]) == ("1", "2")


def test_money_that_was_moved_is_neither_changed_nor_deleted(client: stripe.StripeClient) -> None:
    """Only what describes it."""
    paid = client.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    refund = client.v1.refunds.create({"payment_intent": paid.id, "amount": 200})
    paths = [f"/v1/payment_intents/{paid.id}", f"/v1/charges/{paid.latest_charge}", f"/v1/refunds/{refund.id}"]
    for path in paths:
        with pytest.raises(stripe.StripeError):
            client.raw_request("delete", path)
        with pytest.raises(stripe.InvalidRequestError):
            client.raw_request("post", path, amount=60)
        assert client.raw_request("post", path, metadata={"note": "1"}).data["metadata"]["note"] == "1"
    assert client.v1.charges.retrieve(str(paid.latest_charge)).amount_refunded == 200


def held(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "capture_method": "manual",
        }
    )


def test_captures_what_is_asked_and_releases_the_rest(client: stripe.StripeClient) -> None:
    """Only what was captured is received, and can be refunded."""
    intent = held(client)
    assert (intent.status, intent.amount_received, intent.amount_capturable) == ("requires_capture", 0, 1000)
    for wrong in (1001, 0, -5):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.payment_intents.capture(intent.id, {"amount_to_capture": wrong})
    captured = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 400})
    assert (captured.status, captured.amount, captured.amount_received) == ("succeeded", 1000, 400)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.capture(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    charge = client.v1.charges.retrieve(str(captured.latest_charge))
    assert (charge.amount, charge.amount_captured, charge.amount_refunded, charge.refunded) == (1000, 400, 0, False)
    assert client.v1.refunds.create({"payment_intent": intent.id}).amount == 400
    assert client.v1.charges.retrieve(charge.id).refunded


def test_captures_the_whole_by_itself(client: stripe.StripeClient) -> None:
    """Without an amount all is captured."""
    assert client.v1.payment_intents.capture(held(client).id).amount_received == 1000


@pytest.mark.parametrize("amount", [0, -1, "abc", 501])
def test_refunds_no_amount_that_is_none(client: stripe.StripeClient, amount: object) -> None:
    """400, and nothing is refunded."""
    paid = client.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": paid.id, "amount": amount})  # type: ignore[arg-type]
    assert caught.value.http_status == 400
    assert client.v1.refunds.list({"payment_intent": paid.id}).data == []
