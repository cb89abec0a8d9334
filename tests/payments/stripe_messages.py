"""Stripe's webhook messages, made and signed as Stripe makes them."""

import hmac
import json
import time
from base64 import b64encode
from typing import Any
from uuid import uuid4

from payments import receive_stripe_webhook
from tests.kit.lambda_events import Context

SECRETS = ("whsec_new_one", "whsec_old_one")
CARD = {"brand": "visa", "last4": "4242", "number": "4242424242424242", "exp_month": 12, "exp_year": 2030}


def message(kind: str, **thing: object) -> dict[str, Any]:
    """An event of Stripe's about *thing*, with more in it than we read."""
    details = {"payment_method_details": {"card": CARD}, "livemode": False}
    return {
        "id": f"evt_{uuid4().hex}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "type": kind,
        "data": {"object": {**details, **thing}},
    }


def succeeded(intent_id: str, amount: int = 500, currency: str = "usd") -> dict[str, Any]:
    facts = {"amount": amount, "amount_received": amount, "currency": currency}
    return message("payment_intent.succeeded", id=intent_id, object="payment_intent", status="succeeded", **facts)


def canceled(intent_id: str) -> dict[str, Any]:
    return message("payment_intent.canceled", id=intent_id, object="payment_intent", status="canceled")


def declined(intent_id: str) -> dict[str, Any]:
    error = {"code": "card_declined", "decline_code": "insufficient_funds", "message": "Your card was declined."}
    return message("payment_intent.payment_failed", id=intent_id, object="payment_intent", last_payment_error=error)


def refunded(intent_id: str, amount: int = 500) -> dict[str, Any]:
    """What a charge of 500 says when *amount* of it is given back."""
    facts = {"amount": 500, "amount_refunded": amount, "refunded": amount >= 500}
    return message("charge.refunded", id="ch_1", object="charge", payment_intent=intent_id, **facts)


def refund(intent_id: str, kind: str, status: str, *, name: str = "re_1", amount: int = 500) -> dict[str, Any]:
    """What a refund says of itself: *kind* is `created`, `updated` or `failed`."""
    facts = {"amount": amount, "currency": "usd", "charge": "ch_1", "status": status}
    reason = {"failure_reason": "expired_or_canceled_card"} if status == "failed" else {}
    return message(f"refund.{kind}", id=name, object="refund", payment_intent=intent_id, **facts, **reason)


def dispute(intent_id: str, kind: str, status: str, *, name: str = "du_1") -> dict[str, Any]:
    """What a dispute says of itself: *kind* is `created`, `updated`, `closed` and so on."""
    facts = {"amount": 500, "currency": "usd", "charge": "ch_1", "status": status, "reason": "fraudulent"}
    return message(f"charge.dispute.{kind}", id=name, object="dispute", payment_intent=intent_id, **facts)


def signature(body: bytes, *secrets: str, age: int = 0) -> str:
    """The header for *body*, signed with each of *secrets* and sent *age* seconds ago."""
    sent_at = int(time.time()) - age
    made = [hmac.digest(secret.encode(), f"{sent_at}.".encode() + body, "sha256").hex() for secret in secrets]
    return ",".join([f"t={sent_at}", *(f"v1={each}" for each in made), "v0=of-another-scheme"])


def send(body: bytes, header: str | None, *, encoded: bool = False, address: str = "3.18.12.63") -> int:
    """The status that Stripe gets from the function for *body*."""
    event = {
        "httpMethod": "POST",
        "body": b64encode(body).decode() if encoded else body.decode(),
        "headers": {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": header or ""},
        "isBase64Encoded": encoded,
        "queryStringParameters": None,
        "pathParameters": None,
        "requestContext": {"requestId": str(uuid4()), "identity": {"sourceIp": address}},
    }
    answer = receive_stripe_webhook.handler(event, Context())
    status: int = answer["statusCode"]
    return status


def sent(content: dict[str, Any], secret: str = SECRETS[0], *, escaped: bool = False) -> int:
    """The status of *content*, rightly signed. Stripe writes its JSON in lines."""
    body = json.dumps(content, indent=2, ensure_ascii=escaped).encode()
    return send(body, signature(body, secret))
