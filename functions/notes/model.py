"""A note and its rules: its place in the tree, what is published about it, and how words are searched."""

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

    def revise(self, title: str, content: str, parent_id: UUID | UnsetType | None) -> "Note":
        """Return the note with another text. *parent_id*: UNSET keeps its place, None moves it to the top."""
        parent_id = self.parent_id if parent_id is UNSET else parent_id
        return replace(self, title=title, content=content, parent_id=parent_id)

    def announce(self, event: type[NoteEvent]) -> NoteEvent:
        """Return the event of type *event* about this note."""
        return event(note_id=self.id, title=self.title, owner_id=self.owner_id, parent_id=self.parent_id)


def require(note: Note | None) -> Note:
    """Return *note*. Raises NotFoundError if it is None, for somebody else's note too."""
    if note is None:
        raise NotFoundError("There is no such note.")
    return note


def check_parent(note_id: UUID, ancestors: list[UUID]) -> None:
    """Raise UnprocessableError if the parent does not exist, ConflictError if the note would be inside itself.

    *ancestors*: the parent and the pages above it; empty if there is no such parent.
    """
    if not ancestors:
        raise UnprocessableError("parentId does not refer to one of your notes.")
    if note_id in ancestors:
        raise ConflictError("A note cannot be moved into itself or a page below it.")


def match_prefixes(tsquery: str) -> str:
    """Return *tsquery*, as Postgres writes it, with every word matching its extensions as well: `'meet':*`.

    Excluded words (`!'cat'`) stay as they are, or `-cat` would hide the category.
    """
    return LEXEME.sub(lambda lexeme: lexeme[0] if lexeme[1] else f"{lexeme[0]}:*", tsquery)
