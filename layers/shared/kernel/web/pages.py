"""Pages of lists: how many items, where they begin, and where they end: at 100 items or 4 MB, whichever comes first.

Lambda gives an answer of more than 6 MB to nobody. An answer is JSON in which the body is text, so that each quotation
mark and backslash of the body counts twice.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated
from urllib.parse import urlencode

import msgspec

from kernel.errors import FieldProblem, InvalidError
from kernel.web.responses import Reply

LARGEST_PAGE = 4 * 1024 * 1024


class Page(msgspec.Struct, frozen=True):
    """The query of a list: how many items, and where to go on: the opaque text of an earlier answer's `Link`."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 100
    cursor: str | None = None

    def reply[Item](
        self, found: Sequence[Item], position: Callable[[Item], Iterable[object]], *, more: bool = False
    ) -> Reply[list[Item]]:
        """Return as many of *found* as an answer holds, with the link to the items after them if there may be any.

        *position*: an item's place in the list. *more*: fewer than the page's limit were read, and others are left.
        """
        shown = fitting(found)
        more = more or len(found) == self.limit or len(shown) < len(found)
        return Reply(shown, headers=self.next_link(*position(shown[-1])) if more and shown else {})

    def next_link(self, *position: object) -> dict[str, str]:
        """Return the `Link` header to the items after *position*, which `start` decodes, of the same query.

        Its target is relative to the request's address, which is right behind every stage and domain name.
        """
        cursor = urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")
        query = {name: value for name, value in msgspec.to_builtins(self).items() if value is not None}
        texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
        return {"Link": f'<?{urlencode(texts | {"cursor": cursor})}>; rel="next"'}

    def start[Position](self, expected: type[Position]) -> Position | None:
        """Return the position in the cursor, or None on the first page. Raises InvalidError for a foreign cursor."""
        if self.cursor is None:
            return None
        try:
            text = urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4))
            return msgspec.json.decode(text, type=expected)
        except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
            problem = FieldProblem("query.cursor", "is not a cursor: take it from the Link header of a page")
            raise InvalidError("The cursor cannot be used.", (problem,)) from None


def fitting[Item](found: Iterable[Item]) -> list[Item]:
    """Return as many of the first items as an answer holds, and at least one if there is any."""
    shown: list[Item] = []
    room = LARGEST_PAGE
    for item in found:
        room -= weight(item)
        if room < 0 and shown:
            break
        shown.append(item)
    return shown


def weight(item: object) -> int:
    """Return the bytes that *item* takes in Lambda's answer."""
    encoded = msgspec.json.encode(item)
    return len(encoded) + encoded.count(b'"') + encoded.count(b"\\") + 1
