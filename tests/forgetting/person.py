"""Somebody who is busy in all domains, and leaves a mark of their own in each text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from activity import generate_event
from blogs import create_blog, get_blog, update_blog
from catalog import create_product
from notes import create_note, update_note
from notifications import create_notification, list_notifications, mark_notification_read
from orders import cancel_order, create_order
from tests.kit import tokens
from tests.kit.api import Answer, Handler, call
from users import (
    create_transaction,
    delete_account,
    get_profile,
    log_in,
    register_user,
    update_profile,
)


@dataclass
class Person:
    """*mark*: in every text of the person's. *name*, *first_name*: of the account, now and when it was made."""

    mark: str = field(default_factory=lambda: f"mark{uuid4().hex[:16]}")
    first_name: str = field(default_factory=lambda: f"first{uuid4().hex[:16]}")
    name: str = field(default_factory=lambda: f"name{uuid4().hex[:16]}")
    password: str = field(default_factory=lambda: uuid4().hex)
    id: UUID = field(default_factory=lambda: UUID(int=0))
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """What nothing may hold any more once the person is forgotten."""
        return (self.mark, self.first_name, self.name)

    def register(self) -> None:
        body = {"username": self.first_name, "email": f"{self.first_name}@example.com", "password": self.password}
        self.id = UUID(do(register_user.handler, "POST", body, 201)["id"])
        tokens_ = do(log_in.handler, "POST", {"username": self.first_name, "password": self.password}, 200)
        self.headers = {"Authorization": f"Bearer {tokens_['accessToken']}"}

    def be_busy(self) -> None:
        """Use every function that keeps something, with a key that keeps the answer."""
        do(update_profile.handler, "PATCH", {"username": self.name}, 200, self.headers)
        do(get_profile.handler, "GET", None, 200, self.headers)
        for status in ("draft", "published"):
            self.write_blog(status)
        self.write_notes()
        self.write_notifications()
        money = {"amountCents": 500, "currency": "EUR", "description": self.mark}
        do(create_transaction.handler, "POST", money, 201, self.headers)
        do(generate_event.handler, "POST", self.event(), 200)
        do(generate_event.handler, "POST", self.event() | {"userId": str(self.id).upper()}, 200)
        do(create_order.handler, "POST", {"amount": 500}, 201, self.headers)
        order = do(create_order.handler, "POST", {"amount": 700}, 201, self.headers)
        do(cancel_order.handler, "POST", None, 200, self.headers, id=order["orderId"])
        seller = tokens.sign(self.id, "user catalog:write")
        do(create_product.handler, "POST", {"name": "Oak table", "category": "furniture", "priceCents": 1}, 201, seller)

    def write_blog(self, status: str) -> None:
        text = {"title": self.mark, "content": self.mark, "status": status}
        blog = do(create_blog.handler, "POST", text, 201, self.headers)
        do(get_blog.handler, "GET", None, 200, self.headers, id=blog["id"])
        changed = text | {"content": f"{self.mark} again"}
        do(update_blog.handler, "PUT", changed, 200, self.headers, id=blog["id"])
        do(get_blog.handler, "GET", None, 200, self.headers, id=blog["id"])

    def write_notes(self) -> None:
        text = {"title": self.mark, "content": self.mark}
        page = do(create_note.handler, "POST", text, 201, self.headers)
        below = do(create_note.handler, "POST", text | {"parentId": page["id"]}, 201, self.headers)
        do(update_note.handler, "PUT", text | {"content": f"{self.mark} again"}, 200, self.headers, id=below["id"])

    def write_notifications(self) -> None:
        for kind in ("in-app", "email"):
            told = do(create_notification.handler, "POST", {"message": self.mark, "type": kind}, 201, self.headers)
        do(mark_notification_read.handler, "POST", None, 200, self.headers, id=told["id"])
        somebody = tokens.sign(uuid4(), "user notifications:write")
        do(create_notification.handler, "POST", {"message": self.mark, "userId": str(self.id)}, 201, somebody)
        do(list_notifications.handler, "GET", None, 200, self.headers)

    def event(self) -> dict[str, Any]:
        return {"userId": str(self.id), "eventType": "LOGIN", "payload": {"what": self.mark}}

    def delete(self, password: str | None = None) -> Answer:
        body = {"currentPassword": self.password if password is None else password}
        return call(delete_account.handler, "DELETE", body, headers=self.headers)

    def late_requests(self) -> list[Answer]:
        """What a client asks whose access token is still valid: everything that would keep something."""
        text = {"title": self.mark, "content": self.mark}
        requests: list[tuple[Handler, object]] = [
            (create_blog.handler, text),
            (create_note.handler, text),
            (create_notification.handler, {"message": self.mark}),
            (create_order.handler, {"amount": 500}),
            (create_transaction.handler, {"amountCents": 5, "currency": "EUR", "description": self.mark}),
        ]
        key = {"Idempotency-Key": str(uuid4())}
        seller = tokens.sign(self.id, "user catalog:write") | key
        product = {"name": "Oak table", "category": "furniture", "priceCents": 1}
        answers = [call(handler, "POST", body, headers=self.headers) for handler, body in requests]
        answers += [call(handler, "POST", body, headers=self.headers | key) for handler, body in requests]
        return [*answers, call(create_product.handler, "POST", product, headers=seller)]


def do(
    handler: Handler, method: str, body: object, status: int, headers: Mapping[str, str] | None = None, **path: str
) -> Any:  # noqa: ANN401 - decoded JSON
    """The body of the answer, which has *status* and is kept under a key."""
    named = {**(headers or {}), "Idempotency-Key": str(uuid4())}
    answer = call(handler, method, body, headers=named, path=path)
    assert answer.status == status, answer.body
    return answer.body
