"""What the functions without a route take and give."""

from uuid import UUID

from msgspec import Struct


class RebuildCursor(Struct, frozen=True):
    """How far the *index* is: *done* products, up to *after* (None: none yet)."""

    index: str
    done: int
    after: UUID | None


class RebuildIndex(Struct, frozen=True, forbid_unknown_fields=True):
    """*cursor* None: begin."""

    cursor: RebuildCursor | None = None


class RebuildProgress(Struct, frozen=True):
    """*total*: the products that there are now. *cursor* None: it is finished."""

    done: int
    total: int
    cursor: RebuildCursor | None
