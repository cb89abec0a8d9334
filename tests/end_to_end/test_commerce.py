"""A sale from the catalog to the notification, through four domains, Stripe's API and OpenSearch."""

import json
from collections.abc import Callable, Iterator
from uuid import uuid4

import httpx
import pytest

from tests.end_to_end.commerce import DECLINED_CARD, GOOD_CARD, Shop
from tests.kit import topics
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until
from tests.kit.stripe_clients import stripe_client


@pytest.fixture(scope="module")
def shop(cloud: Cloud) -> Iterator[Shop]:
    with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as api:
        yield Shop.opened(cloud, api)


def test_a_product_is_found_ordered_and_paid(shop: Shop) -> None:
    """create → searchable → order → paid → each event in the history → notification."""
    word = f"w{uuid4().hex[:12]}"
    product = shop.product(name=f"Oak table {word}")
    search = {"q": word, "category": "furniture", "inStock": "true"}

    def found() -> list[str]:
        answer = shop.api.get("/api/v1/products/search", params=search).json()
        return [] if answer["degraded"] else [each["id"] for each in answer["items"]]

    wait_until(lambda: found() == [product["id"]], seconds=30, what="the product to be searchable")

    order = shop.order(product, 2, paymentMethod=shop.card(GOOD_CARD))
    assert (order["amount"], order["currency"], order["status"]) == (99800, "EUR", "created")
    shop.status_becomes(order, "paid")
    assert shop.history(order) == ["OrderCreated", "OrderPaid"]
    paid = shop.api.get(f"/api/v1/payments/{order['orderId']}", headers=shop.customer.headers).json()
    assert (paid["status"], paid["amount"]) == ("completed", 99800)
    message = f"Your payment for order {order['orderId']} has been completed"
    wait_until(lambda: message in shop.messages(), seconds=30, what="the notification")


def test_a_declined_card_fails_the_order(shop: Shop) -> None:
    """The bank's no is the order's end, its reason is in the history, and the customer is told."""
    order = shop.order(shop.product(), paymentMethod=shop.card(DECLINED_CARD))

    shop.status_becomes(order, "failed")
    assert shop.history(order) == ["OrderCreated", "OrderPaymentFailed"]
    message = f"Your payment for order {order['orderId']} has failed"
    wait_until(lambda: message in shop.messages(), seconds=30, what="the notification")


def test_a_paid_order_that_is_cancelled_is_refunded(shop: Shop) -> None:
    """cancel → the money goes back at Stripe → OrderRefunded → notification."""
    order = shop.order(shop.product(), paymentMethod=shop.card(GOOD_CARD))
    shop.status_becomes(order, "paid")

    cancelled = shop.api.post(f"/api/v1/orders/{order['orderId']}/cancel", headers=shop.customer.headers)
    assert cancelled.status_code == 200, cancelled.text
    shop.status_becomes(order, "refunded")
    assert shop.history(order) == ["OrderCreated", "OrderPaid", "OrderCancelled", "OrderRefunded"]
    message = f"Your payment for order {order['orderId']} has been refunded"
    wait_until(lambda: message in shop.messages(), seconds=30, what="the notification")


def test_money_that_goes_back_is_shown_and_told(cloud: Cloud, shop: Shop) -> None:
    """A part refunded by hand, a refund that the bank sends back, a lost dispute: in payment, order and notifications."""
    stripe = stripe_client(cloud.instance.stripe_url, cloud.instance)
    refunding = shop.order(shop.product(), paymentMethod="pm_card_refundFail")
    keeping = shop.order(shop.product(), paymentMethod=shop.card(GOOD_CARD))
    disputing = shop.order(shop.product(), paymentMethod="pm_card_createDispute")
    for order in (refunding, keeping, disputing):
        shop.status_becomes(order, "paid")
    for order in (refunding, keeping):
        [intent] = stripe.v1.payment_intents.search({"query": f"metadata['orderId']:'{order['orderId']}'"}).data
        stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 9900})
    [dispute] = [each for each in stripe.v1.disputes.list().data if each.amount == disputing["amount"]]
    stripe.v1.disputes.close(dispute.id)

    # Where Stripe's messages overtake each other, the refund is never called made.
    wait_until(lambda: shop.history(refunding)[-1] == "OrderRefundFailed", seconds=30, what="the refund to fail")
    parts = ["OrderCreated", "OrderPaid", "OrderPartiallyRefunded"]
    wait_until(lambda: shop.history(keeping) == parts, seconds=30, what="the refund of a part")
    closed = ["OrderCreated", "OrderPaid", "OrderDisputed", "OrderDisputeClosed"]
    wait_until(lambda: shop.history(disputing) == closed, seconds=30, what="the dispute to be closed")
    path = "/api/v1/payments/"
    shown = shop.api.get(f"{path}{refunding['orderId']}", headers=shop.customer.headers).json()
    assert (shown["status"], shown["amountRefunded"], shown["refundFailureReason"]) == (
        "completed",
        0,
        "expired_or_canceled_card",
    )
    lost = shop.api.get(f"{path}{disputing['orderId']}", headers=shop.customer.headers).json()
    assert (lost["status"], [each["status"] for each in lost["disputes"]]) == ("charged_back", ["lost"])
    words = (
        "has been refunded in part: 99.00 EUR of 499.00 EUR",
        "your bank did not take 99.00 EUR",
        "499.00 EUR back",
    )
    for each in words:
        wait_until(lambda each=each: any(each in text for text in shop.messages()), seconds=30, what=each)  # type: ignore[misc]


def test_a_guests_order_is_paid_as_existing_clients_expect(cloud: Cloud, shop: Shop) -> None:
    """POST /orders {"amount": 500} → OrderCreated and PaymentCompleted, as a consumer sees them that is not ours."""
    answer = shop.api.post("/orders", json={"amount": 500})
    assert answer.status_code == 201, answer.text
    order = answer.json()
    path = f"/orders/{order['orderId']}"
    read: Callable[[], httpx.Response] = lambda: shop.api.get(path, headers={"Order-Token": order["token"]})  # noqa: E731

    wait_until(lambda: read().json()["status"] == "paid", seconds=30, what="the order to be paid")
    assert shop.api.get(path).status_code == 404
    bootstrap = cloud.instance.kafka_bootstrap
    created, *_ = _values(bootstrap, "order-events", order["orderId"])
    assert (created["type"], created["orderId"], created["amount"]) == ("OrderCreated", order["orderId"], 500)
    [payment] = _values(bootstrap, "payment-events", order["orderId"])
    assert (payment["type"], payment["amount"]) == ("PaymentCompleted", 500)


def _values(bootstrap: str, topic: str, key: str) -> list[dict[str, object]]:
    """What *topic* holds under *key*."""
    return [json.loads(each.value()) for each in topics.read(bootstrap, topic) if each.key() == key.encode()]
