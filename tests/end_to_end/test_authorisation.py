"""Who may call what, on the running API: every route of the template with every kind of token."""

import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from millrace_local.deployment import aws
from tests.end_to_end import accounts
from tests.end_to_end.accounts import Account
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until
from tests.kit.tokens import bearer, forged, hs256_with_the_public_key
from tools import openapi
from tools.openapi import Route

type Make = Callable[[World], Any]


@dataclass(frozen=True)
class World:
    """Two users; *secret*: a word in everything that is the owner's alone. *kept*: things that no request has changed."""

    api: httpx.Client
    owner: Account
    other: Account
    signing_key: dict[str, Any]
    secret: str = field(default_factory=lambda: f"secret-{secrets.token_hex(8)}")
    kept: dict[Make, str] = field(default_factory=dict)

    def make(self, path: str, **body: object) -> str:
        """The id of a new thing of the owner's."""
        answer = self.api.post(path, json=body, headers=self.owner.headers)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        return str(made["orderId"] if "orderId" in made else made["id"])

    def keep(self, make: Make) -> str:
        """The id of a thing that *make* has made once, for requests that change nothing."""
        if make not in self.kept:
            self.kept[make] = make(self)
        return self.kept[make]

    def claims(self, **changes: object) -> dict[str, Any]:
        """Those of a token of the owner's that holds, with *changes*."""
        now = int(time.time())
        usual = {"iss": "https://millrace.local", "aud": "millrace", "iat": now, "exp": now + 60, "scope": "user"}
        return usual | {"sub": str(self.owner.id)} | changes

    def allowed(self, scope: str) -> dict[str, str]:
        """The header of a token of the owner's that allows *scope* as well."""
        return bearer(self.claims(scope=f"user {scope}"), self.signing_key)


CREDENTIALS: dict[str, Callable[[World], dict[str, str]]] = {
    "no token": lambda _: {},
    "expired": lambda world: bearer(world.claims(iat=1, exp=int(time.time()) - 300), world.signing_key),
    "wrong issuer": lambda world: bearer(world.claims(iss="https://elsewhere.example"), world.signing_key),
    "wrong audience": lambda world: bearer(world.claims(aud="elsewhere"), world.signing_key),
    "alg none": lambda world: forged(
        {"alg": "none", "typ": "at+jwt", "kid": world.signing_key["kid"]}, world.claims(), lambda _: b""
    ),
    "HS256 with the public key": lambda world: hs256_with_the_public_key(world.claims(), world.signing_key),
    "no scope": lambda world: bearer(world.claims(scope=""), world.signing_key),
    "other user": lambda world: world.other.headers,
    "right user": lambda world: world.owner.headers,
}


@dataclass(frozen=True)
class Call:
    """A good request of the owner's, and the status it gets with each credential.

    *body*: made for each request. *path*: made for each that succeeds and changes something.
    *nobody*: without a token. *bad*: with one that does not hold. *unscoped*: with one that allows nothing.
    *scope*: what the owner's token needs to allow besides `user`.
    """

    right: int
    other: int
    nobody: int
    bad: int
    unscoped: int
    body: Make | None = None
    path: Make | None = None
    scope: str | None = None

    def expected(self, credential: str) -> int:
        named = {
            "no token": self.nobody,
            "no scope": self.unscoped,
            "other user": self.other,
            "right user": self.right,
        }
        return named.get(credential, self.bad)


def public(status: int = 200, body: Make | None = None, path: Make | None = None) -> Call:
    """Tokens are not looked at."""
    return Call(status, status, status, status, status, body, path)


def readable(right: int, others: int, path: Make | None = None) -> Call:
    """Public, but a token is looked at: its user may see more."""
    return Call(right, others, others, 401, right, path=path)


def signed_in(right: int, other: int | None = None, *, body: Make | None = None, path: Make | None = None) -> Call:
    """Only with a token; *other*: what another user gets for the owner's thing, or if it is not given, the same."""
    return Call(right, right if other is None else other, 401, 401, 403, body, path)


def scoped(scope: str, right: int, *, body: Make | None = None, path: Make | None = None) -> Call:
    """Only with a token that has *scope* besides the usual one; the other user's has not."""
    return Call(right, 403, 401, 401, 403, body, path, scope)


def draft(world: World) -> str:
    return world.make("/api/v1/blogs", title=world.secret, content=world.secret, status="draft")


def published(world: World) -> str:
    return world.make("/api/v1/blogs", title="For all", content="For all")


def note(world: World) -> str:
    return world.make("/api/v1/notes", title=world.secret, content=world.secret)


def notification(world: World) -> str:
    return world.make("/api/v1/notifications", message=world.secret)


def placed_order(world: World) -> str:
    return world.make("/api/v1/orders", amount=500)


def booked_transaction(world: World) -> str:
    """Its id, once the ledger knows it."""
    made = world.make("/api/v1/transactions", amountCents=5, currency="EUR", description=world.secret)
    path = f"/api/v1/transactions/{made}"
    wait_until(
        lambda: world.api.get(path, headers=world.owner.headers).status_code == 200, seconds=30, what="the ledger"
    )
    return made


def paid_order(world: World) -> str:
    """The id of an order whose payment is known."""
    made = placed_order(world)
    path = f"/api/v1/payments/{made}"
    wait_until(
        lambda: world.api.get(path, headers=world.owner.headers).status_code == 200, seconds=30, what="the payment"
    )
    return made


def registration(_world: World) -> dict[str, str]:
    name = f"user-{secrets.token_hex(6)}"
    return {"username": name, "email": f"{name}@example.com", "password": secrets.token_urlsafe(12)}


def password(world: World) -> dict[str, str]:
    return {"username": world.owner.username, "password": world.owner.password}


def new_password(world: World) -> dict[str, str]:
    """Of the owner, who keeps the one that the other calls know."""
    return {"currentPassword": world.owner.password, "newPassword": world.owner.password}


def wrong_password(_world: World) -> dict[str, str]:
    return {"currentPassword": secrets.token_hex()}


def refresh(world: World) -> dict[str, str]:
    tokens = accounts.log_in(world.api, world.owner.username, world.owner.password)
    return {"refreshToken": tokens["refreshToken"]}


def text(_world: World) -> dict[str, str]:
    return {"title": "A title", "content": "Words."}


def message(_world: World) -> dict[str, str]:
    return {"message": "Hello."}


def message_to_the_owner(world: World) -> dict[str, str]:
    return {"message": "Hello.", "userId": str(world.owner.id)}


def product(_world: World) -> dict[str, object]:
    return {"name": "Oak table", "category": "furniture", "priceCents": 49900}


def sold_product(world: World) -> str:
    headers = world.allowed("catalog:write")
    answer = world.api.post("/api/v1/products", json=product(world), headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def payment(_world: World) -> dict[str, object]:
    return {"amountCents": 5, "currency": "EUR", "description": "Coffee"}


def order(_world: World) -> dict[str, object]:
    return {"amount": 500}


def activity(_world: World) -> dict[str, str]:
    return {"userId": "user123", "eventType": "LOGIN"}


def nothing(_world: World) -> dict[str, str]:
    return {}


# By function. One that is not here fails the test.
CALLS: dict[str, tuple[Call, ...]] = {
    "activity.generate_event": (public(200, activity),),
    "activity.list_processed_events": (public(),),
    "blogs.create_blog": (signed_in(201, body=text),),
    "blogs.delete_blog": (signed_in(204, 404, path=draft), signed_in(204, 403, path=published)),
    "blogs.get_blog": (readable(200, 404, draft), readable(200, 200, published)),
    "blogs.list_blogs": (readable(200, 200),),
    "blogs.update_blog": (signed_in(200, 404, path=draft, body=text), signed_in(200, 403, path=published, body=text)),
    "catalog.create_product": (scoped("catalog:write", 201, body=product),),
    "catalog.delete_product": (scoped("catalog:write", 204, path=sold_product),),
    "catalog.get_product": (public(path=sold_product),),
    "catalog.list_products": (public(),),
    "catalog.search_products": (public(),),
    "catalog.update_product": (scoped("catalog:write", 200, path=sold_product, body=product),),
    "notes.create_note": (signed_in(201, body=text),),
    "notes.delete_note": (signed_in(204, 404, path=note),),
    "notes.get_note": (signed_in(200, 404, path=note),),
    "notes.list_notes": (signed_in(200),),
    "notes.update_note": (signed_in(200, 404, path=note, body=text),),
    "notifications.create_notification": (
        signed_in(201, body=message),
        signed_in(201, 403, body=message_to_the_owner),
    ),
    "notifications.list_notifications": (signed_in(200),),
    "notifications.mark_notification_read": (signed_in(200, 404, path=notification),),
    "operations.get_docs": (public(),),
    "operations.get_health": (public(),),
    "operations.get_openapi": (public(),),
    "operations.get_readiness": (public(),),
    "orders.cancel_order": (signed_in(200, 404, path=placed_order),),
    "orders.create_order": (Call(right=201, other=201, nobody=201, bad=401, unscoped=403, body=order),),
    "orders.get_order": (readable(200, 404, placed_order),),
    "orders.get_order_events": (readable(200, 404, placed_order),),
    "orders.list_orders": (signed_in(200),),
    "payments.get_payment": (signed_in(200, 404, path=paid_order),),
    # Without Stripe's signature; a token is none.
    "payments.receive_stripe_webhook": (public(400, nothing),),
    "transactions.get_balance": (signed_in(200),),
    "transactions.get_transaction": (signed_in(200, 404, path=booked_transaction),),
    "transactions.list_transactions": (signed_in(200),),
    "users.change_password": (signed_in(200, 403, body=new_password),),
    "users.delete_account": (signed_in(403, body=wrong_password),),
    "users.create_transaction": (signed_in(201, body=payment),),
    "users.get_jwks": (public(),),
    "users.get_profile": (signed_in(200),),
    "users.log_in": (public(200, password),),
    "users.log_out": (public(204, refresh),),
    "users.refresh_token": (public(200, refresh),),
    "users.register_user": (public(201, registration),),
    "users.update_profile": (signed_in(200, body=nothing),),
}
ROUTES = openapi.routes()


@pytest.fixture(scope="module")
def world(cloud: Cloud) -> Iterator[World]:
    stored = aws.client(cloud.instance, "secretsmanager").get_secret_value(SecretId="millrace/local/signing-keys")
    [key, _] = json.loads(stored["SecretString"])["keys"]
    with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as api:
        made = World(api, accounts.registered(api), accounts.registered(api), key)
        for make in (draft, note, notification, booked_transaction, placed_order):
            made.keep(make)
        yield made


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_lets_in_who_may(world: World, route: Route, credential: str) -> None:
    """Each credential gets the status it should, and nobody but the owner a word of what is the owner's alone."""
    for call in CALLS[route.function.module]:
        headers = CREDENTIALS[credential](world)
        if credential == "right user" and call.scope:
            headers = world.allowed(call.scope)
        expected = call.expected(credential)
        answer = _send(world, route, call, headers, changes=route.method != "GET" and expected < 400)

        assert answer.status_code == expected, answer.text
        assert credential in ("right user", "no scope") or world.secret not in answer.text
        if answer.status_code == 401:
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_expects_of_every_function_what_the_template_says() -> None:
    """A route without a token is one that the template calls public; none is forgotten and none is left over."""
    access = {route.function.module: route.function.metadata["Access"] for route in ROUTES}

    assert access.keys() == CALLS.keys()
    for module, calls in CALLS.items():
        assert all((call.nobody == 401) == (access[module] != "public") for call in calls), module


def test_a_user_who_is_gone_sees_nothing(world: World) -> None:
    """A token that holds, of a user whom nobody knows, leads to no profile."""
    token = bearer(world.claims(sub=str(uuid4())), world.signing_key)

    assert world.api.get("/api/v1/auth/profile", headers=token).status_code == 404


def _send(world: World, route: Route, call: Call, headers: dict[str, str], *, changes: bool) -> httpx.Response:
    path = route.path
    if call.path:
        path = re.sub(r"{\w+}", call.path(world) if changes else world.keep(call.path), path)
    body = call.body(world) if call.body else None
    return world.api.request(route.method, path, json=body, headers=headers)
