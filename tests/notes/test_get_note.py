"""GET /api/v1/notes/{id}."""

from uuid import uuid4

import pytest

from tests.kit.documents import Person

NOTE = {"title": "Plan", "content": "text"}


def test_a_note_exists_for_its_owner_alone(owner: Person, stranger: Person, visitor: Person) -> None:
    """Another user gets the very answer of a note that never was; a visitor must sign in."""
    note = owner.create(NOTE)
    assert owner.get(note.body["id"]).body == note.body
    refusals = [stranger.get(each) for each in (note.body["id"], uuid4())]
    assert [answer.status for answer in refusals] == [404, 404]
    assert len({answer.body["detail"] for answer in refusals}) == 1
    assert visitor.get(note.body["id"]).status == 401


@pytest.mark.parametrize("path_id", ["1", "plan", "00000000-0000-7000-8000-000000000000"])
def test_what_is_no_note_is_not_found(owner: Person, path_id: str) -> None:
    """An id of nothing and text that is no id are both 404."""
    assert owner.get(path_id).status == 404


def test_a_reader_who_has_the_version_gets_no_body(owner: Person) -> None:
    """If-None-Match with the present tag is answered with 304, with an old one with the note."""
    note = owner.create(NOTE)
    tag = note.headers["ETag"]
    assert owner.get(note.body["id"], if_none_match=tag).status == 304
    owner.update(note.body["id"], {**NOTE, "title": "New"})
    assert owner.get(note.body["id"], if_none_match=tag).body["title"] == "New"
