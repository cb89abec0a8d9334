"""People who create, read, change and delete documents (posts, notes) through a domain's functions."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from uuid import UUID

from tests.kit.api import Answer, call
from tests.kit.databases import Database


class Functions(NamedTuple):
    """The modules of a kind of document, in this order; what there is no function for cannot be called."""

    create: ModuleType
    get: ModuleType
    list: ModuleType
    update: ModuleType = ModuleType("none")
    delete: ModuleType = ModuleType("none")


@dataclass(frozen=True)
class Person:
    """Somebody who calls the functions: a signed-in user or, without *headers*, a visitor.

    Keyword arguments of the methods are headers (`if_match`) or, of `list` and `pages`, the query.
    """

    functions: Functions
    id: UUID | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def create(self, body: object, **headers: str) -> Answer:
        return call(self.functions.create.handler, "POST", body, headers=self._headers(headers))

    def get(self, document: object, **headers: str) -> Answer:
        path = {"id": str(document)}
        return call(self.functions.get.handler, "GET", path=path, headers=self._headers(headers))

    def list(self, **query: object) -> Answer:
        texts = {name: str(value) for name, value in query.items()}
        return call(self.functions.list.handler, "GET", query=texts, headers=self.headers)

    def update(self, document: object, body: object, **headers: str) -> Answer:
        path = {"id": str(document)}
        return call(self.functions.update.handler, "PUT", body, path=path, headers=self._headers(headers))

    def delete(self, document: object, **headers: str) -> Answer:
        path = {"id": str(document)}
        return call(self.functions.delete.handler, "DELETE", path=path, headers=self._headers(headers))

    def pages(self, **query: object) -> Iterator[Any]:
        """Every page of the list, by following the links."""
        while True:
            answer = self.list(**query)
            assert answer.status == 200, answer.body
            yield answer.body
            if "Link" not in answer.headers:
                return
            address, _, relation = answer.headers["Link"].partition("; ")
            assert relation == 'rel="next"'
            query = dict(parse_qsl(address.strip("<?>"), strict_parsing=True))

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**self.headers, **{name.replace("_", "-"): value for name, value in more.items()}}


def wrong_fields(answer: Answer) -> set[str]:
    """The fields that a refusal names."""
    return {error["path"] for error in answer.body["errors"]}


def events(database: Database) -> list[dict[str, Any]]:
    """What the domain publishes, in order: each value, with `topic` and `key`; the headers must say the same."""
    found = []
    for topic, key, headers, value in database.rows("SELECT topic, key, headers, value FROM outbox ORDER BY id"):
        event, named = json.loads(bytes(value)), dict(headers)
        assert named["ce_type"] == event["type"]
        assert named["ce_subject"] == bytes(key).decode()
        assert named["ce_source"] == f"/{database.domain}"
        found.append({"topic": topic, "key": bytes(key).decode(), **event})
    return found


def at_once[T](work: Iterable[Callable[[], T]]) -> list[T]:
    """The results of all *work*, each in its own thread, begun together. Threads stand for execution environments."""
    several = list(work)
    barrier = threading.Barrier(len(several))

    def begin(each: Callable[[], T]) -> T:
        barrier.wait(10)
        return each()

    with ThreadPoolExecutor(len(several)) as pool:
        return list(pool.map(begin, several))
