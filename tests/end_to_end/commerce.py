"""A shop as its people use it: through HTTP, with cards that only Stripe sees."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx
import stripe

from tests.end_to_end import accounts
from tests.end_to_end.accounts import Account
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until
from tests.kit.stripe_clients import card, stripe_js

GOOD_CARD = "4242424242424242"
# Attaches, and is declined when it is charged.
DECLINED_CARD = "4000000000000341"


@dataclass(frozen=True)
class Shop:
    """*seller* may change products; *customer* may not."""

    api: httpx.Client
    stripe: stripe.StripeClient
    seller: Account
    customer: Account

    @classmethod
    def opened(cls, cloud: Cloud, api: httpx.Client) -> "Shop":
        return cls(api, stripe_js(cloud.instance.stripe_url), seller(cloud, api), accounts.registered(api))

    def product(self, **changes: object) -> dict[str, Any]:
        """A new product, as the API gives it, once it can be ordered."""
        usual = {"name": f"Oak table {uuid4()}", "description": "Seats six.", "category": "furniture"}
        body = usual | {"priceCents": 49900, "currency": "EUR", "stock": 12} | changes
        made = self.api.post("/api/v1/products", json=body, headers=self.seller.headers)
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()
        return found

    def stock(self, product: dict[str, Any]) -> int:
        """How many pieces of the product can be ordered."""
        return int(self.api.get(f"/api/v1/products/{product['id']}").json()["stock"])

    def card(self, number: str) -> str:
        """The payment method that the client's page makes of a card, without us."""
        return card(self.stripe, number)

    def order(self, product: dict[str, Any], quantity: int = 1, **more: object) -> dict[str, Any]:
        """The customer's order, once the orders domain knows the product."""
        body = {"items": [{"productId": product["id"], "quantity": quantity}], **more}
        headers = self.customer.headers | {"Idempotency-Key": str(uuid4())}
        answers: list[httpx.Response] = []

        def is_taken() -> bool:
            answers.append(self.api.post("/api/v1/orders", json=body, headers=headers))
            return answers[-1].status_code == 201

        wait_until(is_taken, seconds=30, what="the product to be orderable")
        taken: dict[str, Any] = answers[-1].json()
        return taken

    def status_becomes(self, order: dict[str, Any], status: str) -> None:
        wait_until(lambda: self.status(order) == status, seconds=30, what=f"the order to be {status}")

    def status(self, order: dict[str, Any]) -> str:
        answer = self.api.get(f"/api/v1/orders/{order['orderId']}", headers=self.customer.headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["status"])

    def history(self, order: dict[str, Any]) -> list[str]:
        """The types of the order's events, in order."""
        answer = self.api.get(f"/api/v1/orders/{order['orderId']}/events", headers=self.customer.headers)
        assert answer.status_code == 200, answer.text
        return [each["type"] for each in answer.json()]

    def messages(self) -> list[str]:
        answer = self.api.get("/api/v1/notifications/user", headers=self.customer.headers)
        return [each["message"] for each in answer.json()]


def wait_until_orderable(api: httpx.Client, buyer: dict[str, str], product: dict[str, Any]) -> None:
    """Wait until the orders domain knows *product*, and that there are fewer than 999 pieces: 409 instead of 422."""
    body = {"items": [{"productId": product["id"], "quantity": 999}]}

    def is_known() -> bool:
        return api.post("/orders", json=body, headers=buyer).status_code == HTTPStatus.CONFLICT

    wait_until(is_known, seconds=60, what="the product to be known")


def seller(cloud: Cloud, api: httpx.Client) -> Account:
    """An account that may change products, signed in after an operator has granted it."""
    account = accounts.registered(api)
    cloud.operate("users.change_scopes", username=account.username, grant=["catalog:write"])
    token = accounts.log_in(api, account.username, account.password)["accessToken"]
    return Account(account.id, account.username, account.password, token)
