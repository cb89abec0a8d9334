"""Nothing is sold twice, and other services' orders are paid beside ours, on the running cloud."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from millrace_local.deployment import aws
from tests.end_to_end.commerce import GOOD_CARD, Shop, wait_until_orderable
from tests.end_to_end.history import producer
from tests.kit import topics
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until
from tests.kit.tokens import bearer

BUYERS, PIECES = 50, 10
# More would be more function processes than two cores can start within their time limits.
AT_ONCE = 8
WORDS = {"paid": "been completed", "failed": "failed: an item is out of stock, and nothing was charged"}


@pytest.fixture(scope="module")
def shop(cloud: Cloud) -> Iterator[Shop]:
    with httpx.Client(base_url=cloud.instance.api_url, timeout=60) as api:
        yield Shop.opened(cloud, api)


@pytest.fixture(scope="module")
def buyers(cloud: Cloud) -> list[dict[str, str]]:
    """The headers of people who need no profile to buy."""
    stored = aws.client(cloud.instance, "secretsmanager").get_secret_value(SecretId="millrace/local/signing-keys")
    [key, _] = json.loads(stored["SecretString"])["keys"]
    now = int(time.time())
    claims = {"iss": "https://millrace.local", "aud": "millrace", "iat": now, "exp": now + 900, "scope": "user"}
    return [bearer(claims | {"sub": str(uuid4())}, key) for _ in range(BUYERS)]


def test_ten_of_fifty_buyers_get_the_ten_pieces(cloud: Cloud, shop: Shop, buyers: list[dict[str, str]]) -> None:
    """At once: ten are paid, nothing is left, and forty are told why, by 409 or in their order and in words."""
    product = shop.product(stock=PIECES)
    wanted = {"items": [{"productId": product["id"], "quantity": 1}]}
    body = {**wanted, "paymentMethod": shop.card(GOOD_CARD)}
    wait_until_orderable(shop.api, buyers[0], product)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda buyer: _order(shop, buyer, body), buyers))
    assert {answer.status_code for answer in answers} <= {201, 409}
    placed = {
        answer.json()["orderId"]: buyer for answer, buyer in zip(answers, buyers, strict=True) if answer.is_success
    }
    for answer in answers:
        if answer.status_code == 409:
            assert [error["path"] for error in answer.json()["errors"]] == ["items[0].quantity"]

    outcomes: dict[str, Any] = {}

    def all_have_ended() -> bool:
        outcomes.update(
            {
                order: _read(shop, order, placed[order])
                for order in placed
                if outcomes.get(order, {}).get("status") not in WORDS
            }
        )
        return {each["status"] for each in outcomes.values()} <= WORDS.keys()

    wait_until(all_have_ended, seconds=120, what="every order to be paid or failed")
    counts = Counter((each["status"], each["failureReason"]) for each in outcomes.values())
    assert counts.pop(("paid", None)) == PIECES
    assert counts.pop(("failed", "out_of_stock"), 0) + (BUYERS - len(placed)) == BUYERS - PIECES
    assert not counts
    for order, outcome in outcomes.items():
        words = f"Your payment for order {order} has {WORDS[outcome['status']]}"
        wait_until(lambda: words in _messages(shop, placed[order]), seconds=60, what=words)  # noqa: B023 - called at once

    assert shop.stock(product) == 0
    wait_until(lambda: _holds(cloud, list(placed))["sold"] == PIECES, seconds=60, what="every piece to be sold")
    assert _holds(cloud, list(placed))["held"] == 0


def test_a_cancelled_order_puts_its_items_on_sale_again(shop: Shop) -> None:
    """Before it is paid: a payment that waits for its client holds the pieces, and gives them back."""
    product = shop.product(stock=3)
    order = shop.order(product, 2, paymentMethod="pm_card_authenticationRequired")
    wait_until(lambda: shop.stock(product) == 1, seconds=60, what="the pieces to be held")
    cancelled = shop.api.post(f"/orders/{order['orderId']}/cancel", headers=shop.customer.headers)
    assert cancelled.status_code == 200, cancelled.text
    wait_until(lambda: shop.stock(product) == 3, seconds=60, what="the pieces to be on sale")


def test_another_services_order_is_paid_and_dead_lettered_by_nobody(cloud: Cloud) -> None:
    """`{"type": "OrderCreated", "orderId": …, "amount": 500}` as document 004's service writes it, without headers."""
    order, bootstrap = str(uuid4()), cloud.instance.kafka_bootstrap
    with producer(bootstrap) as client:
        value = json.dumps({"type": "OrderCreated", "orderId": order, "amount": 500}).encode()
        client.send("order-events", key=order.encode(), value=value).get(timeout=60)

    def paid() -> list[str]:
        several = topics.read(bootstrap, "payment-events")
        return [json.loads(each.value())["type"] for each in several if each.key() == order.encode()]

    wait_until(lambda: paid() == ["PaymentCompleted"], seconds=60, what="the payment")
    wait_until(lambda: _lag(cloud) == 0, seconds=60, what="every consumer to have read it")
    for topic in ("order-events-catalog-dlq", "order-events-payments-dlq", "payment-events-orders-dlq"):
        assert [each for each in topics.read(bootstrap, topic) if each.key() == order.encode()] == []


def _holds(cloud: Cloud, orders: list[str]) -> Counter[str]:
    with psycopg.connect(cloud.database_url("catalog")) as connection:
        states = connection.execute("SELECT state FROM holds WHERE order_id = ANY(%s::uuid[])", [orders])
        return Counter(state for (state,) in states)


def _order(shop: Shop, buyer: dict[str, str], body: dict[str, Any]) -> httpx.Response:
    """The answer to one order, which is repeated while a busy machine answers 5xx."""
    headers = buyer | {"Idempotency-Key": str(uuid4())}
    answers: list[httpx.Response] = []

    def is_decided() -> bool:
        answers.append(shop.api.post("/orders", json=body, headers=headers))
        return not answers[-1].is_server_error

    wait_until(is_decided, seconds=120, what="an answer to the order")
    return answers[-1]


def _read(shop: Shop, order: str, buyer: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = shop.api.get(f"/orders/{order}", headers=buyer).json()
    return found


def _messages(shop: Shop, buyer: dict[str, str]) -> list[str]:
    answer = shop.api.get("/api/v1/notifications/user", headers=buyer)
    return [each["message"] for each in answer.json()] if answer.is_success else []


def _lag(cloud: Cloud) -> int:
    return sum(mapping["lag"] for mapping in cloud.status()["mappings"])
