"""Pages of lists: where they begin, and where they end: at *limit* items or 4 MB, whichever comes first.

Lambda refuses a response of more than 6 MB. A response is JSON in which the body is text, so each quotation mark and
backslash of the body counts twice.
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
    """The query of a list. *cursor*: where to continue, an opaque text from the `Link` of an earlier answer."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 100
    cursor: str | None = None

    def reply[Item](
        self, found: Sequence[Item], position: Callable[[Item], Iterable[object]], *, more: bool = False
    ) -> Reply[list[Item]]:
        """Return as many of *found* as a response holds, with the link to the next page if there may be one.

        *position*: returns an item's place in the list.
        *more*: others are left although fewer than the page's limit were read.
        """
        shown, has_next = self.cut(found)
        has_next = has_next or (more and bool(shown))
        return Reply(shown, headers=self.next_link(*position(shown[-1])) if has_next else {})

    def cut[Item](self, found: Sequence[Item]) -> tuple[list[Item], bool]:
        """Return as many of *found* as a response holds, and whether there may be a next page.

        At least one item is returned if there is any.
        """
        shown: list[Item] = []
        room = LARGEST_PAGE
        for item in found:
            room -= _weight(item)
            if room < 0 and shown:
                break
            shown.append(item)
        return shown, bool(shown) and (len(found) == self.limit or len(shown) < len(found))

    def next_link(self, *position: object) -> dict[str, str]:
        """Return the `Link` header of the next page: the same query with a cursor that encodes *position*.

        The target is relative to the request's address, so it is right behind every stage and domain name.
        """
        cursor = urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")
        query = {name: value for name, value in msgspec.to_builtins(self).items() if value is not None}
        texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
        return {"Link": f'<?{urlencode(texts | {"cursor": cursor})}>; rel="next"'}

    def start[Position](self, expected: type[Position]) -> Position | None:
        """Return the position that the cursor encodes, or None on the first page. Raises InvalidError."""
        if self.cursor is None:
            return None
        try:
            text = urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4))
            return msgspec.json.decode(text, type=expected)
        except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
            problem = FieldProblem("query.cursor", "is not a cursor: take it from the Link header of a page")
            raise InvalidError("The cursor cannot be used.", (problem,)) from None


def _weight(item: object) -> int:
    """Return the bytes that *item* takes in Lambda's response."""
    encoded = msgspec.json.encode(item)
    return len(encoded) + encoded.count(b'"') + encoded.count(b"\\") + 1
