"""A note and its rules: its place in the tree, what is told of it, and how notes are searched."""

import re
from datetime import datetime
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from kernel.contracts.notes import NoteEvent
from kernel.errors import ConflictError, NotFoundError, UnprocessableError

LEXEME = re.compile(r"(!?)'(?:[^']|'')*'")


class Note(Struct, frozen=True, rename="camel"):
    """*content* is Markdown, kept as it was given. *version* counts the changes, from 1."""

    id: UUID
    owner_id: UUID
    parent_id: UUID | None
    title: str
    content: str
    version: int
    created_at: datetime
    updated_at: datetime

    def revised(self, title: str, content: str, parent_id: UUID | UnsetType | None) -> "Note":
        """The note with its new text, below another parent if one is given; None = at the top."""
        parent_id = self.parent_id if parent_id is UNSET else parent_id
        return replace(self, title=title, content=content, parent_id=parent_id)

    def told_as(self, event: type[NoteEvent]) -> NoteEvent:
        return event(note_id=self.id, title=self.title, owner_id=self.owner_id, parent_id=self.parent_id)


def found(note: Note | None) -> Note:
    """*note*, if there is one; another's is none."""
    if note is None:
        raise NotFoundError("There is no such note.")
    return note


def check_parent(note_id: UUID, line: list[UUID]) -> None:
    """Refuse a parent for a note. *line*: the parent and the pages above it; empty if there is no such parent.

    Raises UnprocessableError if there is none, ConflictError if the note would be inside itself.
    """
    if not line:
        raise UnprocessableError("parentId names no note of yours.")
    if note_id in line:
        raise ConflictError("A note cannot be moved into itself or a page below it.")


def prefix_tolerant(tsquery: str) -> str:
    """*tsquery*, as Postgres writes it, with every word also standing for those that begin with it: `'meet':*`.

    Excluded words (`!'cat'`) stay whole, or `-cat` would hide the category.
    """
    return LEXEME.sub(lambda lexeme: lexeme[0] if lexeme[1] else f"{lexeme[0]}:*", tsquery)
