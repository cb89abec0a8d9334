"""Stripe's rules for Idempotency-Key."""

import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
import stripe

from millrace_local.instance import Instance
from millrace_local.servers import stripe_account
from tests.kit.servers import wait_until


@pytest.fixture
def key() -> str:
    return str(uuid4())


def orders_at_stripe(client: stripe.StripeClient, order: str) -> int:
    return len(client.v1.payment_intents.search({"query": f"metadata['orderId']:'{order}'"}).data)


def test_a_repeated_request_gets_the_first_answer_and_has_no_effect(client: stripe.StripeClient, key: str) -> None:
    """The body is the same, a header says that it was kept, and there is one PaymentIntent."""
    answers = [
        client.raw_request(
            "post", "/v1/payment_intents", amount=500, currency="usd", metadata={"orderId": key}, idempotency_key=key
        )
        for _ in range(3)
    ]
    assert len({answer.body for answer in answers}) == 1
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true"]
    assert orders_at_stripe(client, key) == 1


def test_a_key_stands_for_its_parameters_and_its_path(client: stripe.StripeClient, key: str) -> None:
    """Another amount or another path under a used key is an idempotency_error, without effect."""
    intent = client.v1.payment_intents.create({"amount": 500, "currency": "usd"}, {"idempotency_key": key})
    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.create(
            {"amount": 501, "currency": "usd", "metadata": {"orderId": key}}, {"idempotency_key": key}
        )
    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.cancel(intent.id, {}, {"idempotency_key": key})
    assert orders_at_stripe(client, key) == 0
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_a_decline_is_kept_and_a_wrong_parameter_is_not(client: stripe.StripeClient, key: str) -> None:
    """What was executed is answered again, though the card is good now; what was refused unexecuted may be mended."""
    options: stripe.RequestOptions = {"idempotency_key": key}
    declined = {"amount": 50, "currency": "usd", "payment_method": "pm_card_visa_chargeDeclined", "confirm": True}
    errors = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            client.v1.payment_intents.create(declined, options)  # type: ignore[arg-type]
        errors.append(caught.value.json_body)
    assert errors[0] == errors[1]

    other: stripe.RequestOptions = {"idempotency_key": f"{key}-other"}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({"amount": -1, "currency": "usd"}, other)
    assert client.v1.payment_intents.create({"amount": 50, "currency": "usd"}, other).amount == 50


def test_a_key_in_use_is_refused_until_its_request_is_answered(
    client: stripe.StripeClient, stripe_api: str, instance: Instance, key: str
) -> None:
    """While the first request is on its way in, a second with its key gets 409; one is executed."""
    body = f"amount=500&currency=usd&metadata[orderId]={key}".encode()
    headers = {
        "Authorization": f"Bearer {stripe_account.local(instance).api_key}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Idempotency-Key": key,
    }
    address = urlsplit(stripe_api)
    with socket.create_connection((address.hostname, address.port), timeout=5) as first:
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = [
            "POST /v1/payment_intents HTTP/1.1",
            f"Host: {address.netloc}",
            f"Content-Length: {len(body)}",
            *lines,
            "",
            "",
        ]
        first.sendall("\r\n".join(head).encode() + body[:10])

        def refused() -> bool:
            # Another body: should this one come before the first, it has no effect, and the first is not replayed.
            answer = httpx.post(f"{stripe_api}/v1/payment_intents", content=b"amount=-1", headers=headers)
            return answer.status_code == 409 and answer.json()["error"]["code"] == "idempotency_key_in_use"

        wait_until(refused)
        first.sendall(body[10:])
        assert first.recv(20).startswith(b"HTTP/1.1 200")
    assert orders_at_stripe(client, key) == 1


def test_many_at_once_are_one(client: stripe.StripeClient, key: str) -> None:
    """Of twenty simultaneous requests with one key, each gets the one PaymentIntent or is told to wait."""

    parameters = {"amount": 500, "currency": "usd", "metadata": {"orderId": key}}
    refusals = []

    def create(_: int) -> str | None:
        try:
            return client.v1.payment_intents.create(parameters, {"idempotency_key": key}).id  # type: ignore[arg-type]
        except stripe.StripeError as error:
            refusals.append(error.http_status)
            return None

    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(create, range(20))) - {None}
    assert len(ids) == 1
    assert set(refusals) <= {409}
    assert orders_at_stripe(client, key) == 1
