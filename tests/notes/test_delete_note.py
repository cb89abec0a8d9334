"""DELETE /api/v1/notes/{id}."""

from functools import partial

import pytest

from tests.kit.databases import Database
from tests.kit.documents import Person, at_once, events

NOTE = {"title": "Plan", "content": "text"}


def test_a_note_goes_with_every_page_below_it(notes: Database, owner: Person) -> None:
    """The answer is 204; each page that went has an event in the agreed shape; what was beside or above stays."""
    above = owner.create(NOTE).body["id"]
    top = owner.create({**NOTE, "parentId": above}).body["id"]
    left, right = (owner.create({**NOTE, "parentId": top}).body["id"] for _ in range(2))
    leaf = owner.create({**NOTE, "parentId": left}).body["id"]
    beside = owner.create({**NOTE, "parentId": above}).body["id"]
    answer = owner.delete(top)

    assert (answer.status, answer.body) == (204, None)
    assert {note["id"] for note in owner.list().body} == {above, beside}
    told = {event["noteId"]: event for event in events(notes)[6:]}
    assert told == {
        note: {
            "topic": "note-events",
            "key": note,
            "type": "note-deleted",
            "noteId": note,
            "title": "Plan",
            "ownerId": str(owner.id),
            "parentId": parent,
        }
        for note, parent in {top: above, left: top, right: top, leaf: left}.items()
    }
    assert len(events(notes)) == 6 + 4
    assert owner.delete(leaf).status == 404


def test_a_note_exists_for_its_owner_alone(owner: Person, stranger: Person, visitor: Person) -> None:
    """Another user gets 404, a visitor 401; the note stays."""
    note = owner.create(NOTE).body
    assert stranger.delete(note["id"]).status == 404
    assert visitor.delete(note["id"]).status == 401
    assert owner.get(note["id"]).body == note


@pytest.mark.parametrize("path_id", ["1", "00000000-0000-7000-8000-000000000000"])
def test_what_is_no_note_is_not_found(owner: Person, path_id: str) -> None:
    """An id of nothing and text that is no id are both 404."""
    assert owner.delete(path_id).status == 404


def test_what_was_changed_meanwhile_is_not_deleted(owner: Person) -> None:
    """If-Match with an old tag: 412, and the note stays; with the present one it goes."""
    note = owner.create(NOTE)
    changed = owner.update(note.body["id"], {**NOTE, "title": "New"})
    assert owner.delete(note.body["id"], if_match=note.headers["ETag"]).status == 412
    assert owner.delete(note.body["id"], if_match=changed.headers["ETag"]).status == 204


def test_pages_that_are_written_meanwhile_go_or_are_refused(notes: Database, owner: Person) -> None:
    """While a note is deleted, pages are written below it and others are moved there: each goes with it or is
    refused as parentless, none is left without parent, and each event of a creation has one of a deletion."""
    for _ in range(8):
        top, other = (owner.create(NOTE).body["id"] for _ in range(2))
        write = partial(owner.create, {**NOTE, "parentId": top})
        move = partial(owner.update, other, {**NOTE, "parentId": top})
        answers = at_once([write, partial(owner.delete, top), move, write])
        assert {answer.status for answer in answers} <= {200, 201, 204, 422}
        owner.delete(other)
    assert owner.list().body == []
    told = [(event["type"], event["noteId"]) for event in events(notes)]
    assert {note for kind, note in told if kind == "note-created"} == {
        note for kind, note in told if kind == "note-deleted"
    }


def test_a_note_is_deleted_once(notes: Database, owner: Person) -> None:
    """Of simultaneous deletions one finds the note; it is told once."""
    note = owner.create(NOTE).body["id"]
    answers = at_once([partial(owner.delete, note)] * 8)
    assert sorted(answer.status for answer in answers) == [204] + [404] * 7
    assert [event["type"] for event in events(notes)] == ["note-created", "note-deleted"]


def test_a_tree_of_thousands_goes_at_once(notes: Database, owner: Person) -> None:
    """A page with 3,000 pages below it, each below the one before, is deleted with as many events."""
    top = owner.create(NOTE).body["id"]
    with notes.connect() as connection:
        connection.execute(
            """
            WITH pages AS (SELECT n, gen_random_uuid() AS id FROM generate_series(1, 3000) AS n)
            INSERT INTO notes (id, owner_id, parent_id, title, content)
            SELECT id, %s, coalesce(lag(id) OVER (ORDER BY n), %s), 'page', '' FROM pages
            """,
            (owner.id, top),
        )
    assert owner.delete(top).status == 204
    assert owner.list().body == []
    assert len(events(notes)) == 1 + 3001
