"""What a Postman collection has requests of: the operations of an OpenAPI document, in an order in which they succeed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

type Json = dict[str, Any]

FIRST = ("UsersRegisterUser", "UsersLogIn", "UsersRefreshToken")
METHODS = ("POST", "GET", "HEAD", "PUT", "PATCH", "POST {}", "DELETE")


@dataclass(frozen=True)
class Operation:
    """An operation of the document; *guest*: sent without signing in although that could be."""

    method: str
    path: str
    content: Json
    guest: bool = False

    @property
    def name(self) -> str:
        without = " without signing in" if self.guest else ""
        return f"{self.method} {self.path}{without}: {self.content['summary']}"

    @property
    def takes_token(self) -> bool:
        return any(self.content["security"]) and not self.guest

    @property
    def body(self) -> Json | None:
        content: Json | None = self.content.get("requestBody", {}).get("content", {}).get("application/json")
        return content["example"] if content else None

    @property
    def status(self) -> int:
        return min(int(status) for status in self.content["responses"] if status.isdigit())

    @property
    def variable(self) -> str | None:
        """The variable of the thing in the path: `noteId` of /api/v1/notes/{id}."""
        found = re.search(r"/([a-z]+)/\{(\w+)\}", self.path)
        if found is None:
            return None
        return found[2] if found[2] != "id" else variable_of(found[1])

    @property
    def place(self) -> tuple[object, ...]:
        """Where it stands in its folder: paths of one kind together, from the first request of a thing to its last."""
        first = self.content["operationId"].rstrip("0123456789")
        action = "POST {}" if self.method == "POST" and "{" in self.path else self.method
        group = "/".join(self.path.removeprefix("/api/v1").split("/")[:2])
        earliest = FIRST.index(first) if first in FIRST else len(FIRST)
        return group, earliest, METHODS.index(action), self.path.endswith("/logout"), self.path, self.guest


def variable_of(collection: str) -> str:
    return f"{collection.removesuffix('s')}Id"


def operations(document: Json) -> Iterator[Operation]:
    """Give each operation, and again as a guest's if it is one's choice to sign in."""
    for path, methods in document["paths"].items():
        for method, content in methods.items():
            operation = Operation(method.upper(), path, content)
            yield operation
            if operation.takes_token and {} in content["security"]:
                yield Operation(method.upper(), path, content, guest=True)
