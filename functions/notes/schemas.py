"""What the notes API takes and gives."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from kernel.texts import Line
from kernel.web.pages import Page

# The words of this much text always fit into Postgres' search index of one note, which holds 1 MB.
Content = Annotated[str, Meta(max_length=100_000)]


class CreateNote(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    title: Line
    content: Content = ""
    parent_id: UUID | None = None


class UpdateNote(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """*parent_id*: left out, the note keeps its place; null moves it to the top."""

    title: Line
    content: Content
    parent_id: UUID | UnsetType | None = UNSET


class ListNotes(Page, frozen=True, rename="camel"):
    """*q*: words to search, as in a web search. *parent_id*: only the pages directly below that note."""

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
        """Return its place in the list, where the next page begins."""
        return (self.id,)


class FoundNote(NoteSummary, frozen=True):
    """A note that matches a search. *snippet*: HTML around the matching words. *rank*: higher is better."""

    rank: float
    snippet: str

    def position(self) -> tuple[object, ...]:
        return (self.rank, self.id)
