"""What the local Stripe did, asked of it directly, and what a customer's browser does there."""

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from tests.kit.proxy import Proxy


class FakeStripe:
    """The local Stripe at *url*; the functions reach it through *proxy*."""

    def __init__(self, url: str, proxy: Proxy, key: str) -> None:
        self.url = url
        self.proxy = proxy
        self.key = key

    def intents(self, order_id: UUID) -> list[dict[str, Any]]:
        """All that were made for the order."""
        query = {"query": f"metadata['orderId']:'{order_id}'"}
        return list(self.ask("GET", f"/v1/payment_intents/search?{urlencode(query)}")["data"])

    def charges(self, order_id: UUID) -> list[int]:
        """The amounts that were taken for the order."""
        return [intent["amount"] for intent in self.intents(order_id) if intent["status"] == "succeeded"]

    def refunds(self, order_id: UUID) -> list[int]:
        """The amounts that were given back for the order."""
        charges = [intent["latest_charge"] for intent in self.intents(order_id) if intent["latest_charge"]]
        found = [self.ask("GET", f"/v1/refunds?charge={charge}")["data"] for charge in charges]
        return [refund["amount"] for several in found for refund in several]

    def card(self, number: str) -> str:
        """The payment method that Stripe.js makes of a card, whose number only Stripe sees."""
        form = {"type": "card", "card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2030"}
        return str(self.ask("POST", "/v1/payment_methods", {**form, "card[cvc]": "123", "key": "pk_test_1"})["id"])

    def confirm(self, client_secret: str, payment_method: str) -> dict[str, Any]:
        """What Stripe.js does when the customer has chosen a card."""
        intent = client_secret.partition("_secret_")[0]
        form = {"client_secret": client_secret, "payment_method": payment_method, "key": "pk_test_1"}
        return dict(self.ask("POST", f"/v1/payment_intents/{intent}/confirm", form))

    def pass_the_banks_check(self, client_secret: str) -> None:
        """What Stripe.js does when the bank asked its customer, who agreed."""
        intent = client_secret.partition("_secret_")[0]
        form = {"client_secret": client_secret, "success": "true", "key": "pk_test_1"}
        self.ask("POST", f"/v1/payment_intents/{intent}/_authenticate", form)

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Stripe's answer, an error's as well."""
        body = urlencode(form).encode() if form else None
        headers = {} if form and "key" in form else {"Authorization": f"Bearer {self.key}"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)
