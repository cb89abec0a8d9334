"""The rules of notes, without a server."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from kernel.contracts.notes import NoteUpdated
from kernel.errors import ConflictError, NotFoundError, UnprocessableError
from notes import model
from notes.model import Note

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PARENT, OTHER = UUID(int=1), UUID(int=2)
NOTE = Note(UUID(int=3), UUID(int=4), PARENT, "title", "text", 1, NOW, NOW)


@pytest.mark.parametrize(("given_parent", "parent"), [(UNSET, PARENT), (None, None), (OTHER, OTHER)])
def test_a_revision_moves_a_note_only_if_it_says_so(given_parent: UUID | UnsetType | None, parent: UUID | None) -> None:
    """No parent is the top; no word about it is where the note was."""
    revised = NOTE.revise("another", "text", given_parent)

    assert (revised.title, revised.parent_id) == ("another", parent)


@given(st.data())
@settings(deadline=None)
def test_moves_never_close_a_circle(data: st.DataObject) -> None:
    """Whatever moves are tried one after the other, each page still leads to the top."""
    notes = [UUID(int=number) for number in range(6)]
    parents: dict[UUID, UUID | None] = dict.fromkeys(notes)
    for _ in range(data.draw(st.integers(0, 15))):
        note, parent = data.draw(st.sampled_from(notes)), data.draw(st.sampled_from(notes))
        try:
            model.check_parent(note, ancestors(parent, parents))
        except ConflictError:
            continue
        parents[note] = parent
    for note in notes:
        assert len(ancestors(note, parents)) <= len(notes)


def test_a_parent_that_is_not_the_owners_is_refused() -> None:
    """It has no ancestors among the owner's notes, not even itself."""
    with pytest.raises(UnprocessableError, match="parentId does not refer to one of your notes"):
        model.check_parent(NOTE.id, [])


@pytest.mark.parametrize(
    ("query", "tolerant"),
    [
        ("'meet'", "'meet':*"),
        ("'meet' & !'cat'", "'meet':* & !'cat'"),
        ("'it''s' | 'a' <-> 'b'", "'it''s':* | 'a':* <-> 'b':*"),
        ("", ""),
    ],
)
def test_a_word_matches_its_extensions_and_an_excluded_one_itself_alone(query: str, tolerant: str) -> None:
    """Or `-cat` would hide the category."""
    assert model.match_prefixes(query) == tolerant


def test_an_event_names_the_note_and_tells_none_of_its_text() -> None:
    """Notes are their owner's alone."""
    event = NOTE.announce(NoteUpdated)

    assert (event.note_id, event.owner_id, event.parent_id, event.title) == (NOTE.id, NOTE.owner_id, PARENT, "title")
    assert not hasattr(event, "content")


def test_a_missing_note_is_not_found() -> None:
    """None becomes an answer for the client."""
    assert model.require(NOTE) is NOTE
    with pytest.raises(NotFoundError):
        model.require(None)


def ancestors(note: UUID | None, parents: dict[UUID, UUID | None]) -> list[UUID]:
    found: list[UUID] = []
    while note is not None:
        assert note not in found, "a circle"
        found.append(note)
        note = parents[note]
    return found
