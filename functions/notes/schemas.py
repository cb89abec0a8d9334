"""What the notes API takes and gives."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from kernel.texts import Line
from kernel.web.pages import Page

# Postgres' search index of one note holds 1 MB, which the words of so much text never need.
Content = Annotated[str, Meta(max_length=100_000)]


class CreateNote(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    title: Line
    content: Content = ""
    parent_id: UUID | None = None


class UpdateNote(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """*parent_id* absent: the note stays where it is; None: it moves to the top."""

    title: Line
    content: Content
    parent_id: UUID | UnsetType | None = UNSET


class ListNotes(Page, frozen=True, rename="camel"):
    """*q*: words to search, as in a web search. *parent_id*: only the pages directly below that one."""

    q: Annotated[str, Meta(max_length=200)] | None = None
    parent_id: UUID | None = None


class NoteSummary(Struct, frozen=True, rename="camel"):
    """A note in a list."""

    id: UUID
    parent_id: UUID | None
    title: str
    created_at: datetime
    updated_at: datetime

    def position(self) -> tuple[object, ...]:
        """Its place in the list's order, where the next page begins."""
        return (self.id,)


class FoundNote(NoteSummary, frozen=True):
    """A note in the result of a search. *snippet*: HTML, where the words were found; *rank*: higher is better."""

    rank: float
    snippet: str

    def position(self) -> tuple[object, ...]:
        return (self.rank, self.id)
