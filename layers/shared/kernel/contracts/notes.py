"""Changes of notes. Notes are private: an event has the title of the page and none of its content."""

from typing import ClassVar
from uuid import UUID

from kernel.contracts.event import Event


class NoteEvent(Event, frozen=True, kw_only=True, tag_field="type"):
    """The base of the note events. *title*, *parent_id*: after the event. *parent_id*: None = no parent."""

    topic: ClassVar[str] = "note-events"
    key: ClassVar[str] = "note_id"
    source: ClassVar[str] = "/notes"

    note_id: UUID
    title: str
    owner_id: UUID
    parent_id: UUID | None


class NoteCreated(NoteEvent, frozen=True, kw_only=True, tag="note-created"):
    """A note was created."""


class NoteUpdated(NoteEvent, frozen=True, kw_only=True, tag="note-updated"):
    """A note's text was changed, or it was moved to another parent."""


class NoteDeleted(NoteEvent, frozen=True, kw_only=True, tag="note-deleted"):
    """A note was deleted, alone or with a page above it. Each page of a deleted tree has its own event."""
