"""POST /api/v1/notes."""

import json
from uuid import UUID, uuid4

import pytest

from kernel.messaging import outbox
from tests.kit.databases import Database
from tests.kit.documents import Person, at_once, events, wrong_fields

NOTE = {"title": "Plan", "content": "# Monday\r\n\r\n<b>meet</b>  \n"}


def test_writes_a_note(notes: Database, owner: Person) -> None:
    """The answer is 201 with the note, its address and its tag, and one event in the agreed shape is kept with it."""
    answer = owner.create(NOTE)

    assert answer.status == 201, answer.body
    note = answer.body
    assert note == {
        "id": note["id"],
        "ownerId": str(owner.id),
        "parentId": None,
        **NOTE,
        "version": 1,
        "createdAt": note["createdAt"],
        "updatedAt": note["createdAt"],
    }
    assert UUID(note["id"]).version == 7
    assert (answer.headers["ETag"], answer.headers["Location"]) == ('"1"', f"notes/{note['id']}")
    assert owner.get(note["id"]).body == note
    assert events(notes) == [
        {
            "topic": "note-events",
            "key": note["id"],
            "type": "note-created",
            "noteId": note["id"],
            "title": "Plan",
            "ownerId": str(owner.id),
            "parentId": None,
        }
    ]


def test_a_page_without_text_is_a_note(owner: Person) -> None:
    """A title is enough."""
    assert owner.create({"title": "Plans"}).body["content"] == ""


def test_writes_a_page_below_another(notes: Database, owner: Person) -> None:
    """The page and its event name the parent."""
    parent = owner.create(NOTE).body["id"]
    page = owner.create({**NOTE, "parentId": parent})
    assert (page.status, page.body["parentId"]) == (201, parent)
    assert [event["parentId"] for event in events(notes)] == [None, parent]


def test_a_parent_must_be_a_note_of_ones_own(notes: Database, owner: Person, stranger: Person) -> None:
    """Another's note and one that is not are refused with the same words, and nothing is kept."""
    parents = stranger.create(NOTE).body["id"], str(uuid4())
    refusals = [owner.create({**NOTE, "parentId": parent}) for parent in parents]
    assert [answer.status for answer in refusals] == [422, 422]
    assert len({answer.body["detail"] for answer in refusals}) == 1
    assert owner.list().body == []
    assert len(events(notes)) == 1


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"title"}),
        ({"title": " "}, {"title"}),
        ({"title": "two\nlines"}, {"title"}),
        ({"title": "x" * 201}, {"title"}),
        ({**NOTE, "content": "x" * 100_001}, {"content"}),
        ({**NOTE, "parentId": "top"}, {"parentId"}),
        ({**NOTE, "ownerId": str(uuid4()), "version": 3}, {"ownerId", "version"}),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    notes: Database, owner: Person, body: object, wrong: set[str]
) -> None:
    """Each wrong, missing or unknown field has its own problem; an owner cannot be claimed."""
    answer = owner.create(body)
    assert (answer.status, wrong_fields(answer)) == (400, wrong)
    assert notes.rows("SELECT id FROM notes") == []


@pytest.mark.parametrize("text", ["日-" * 50_000, " ".join(f"{n}.com/{n}" for n in range(100_000)), "-1e" * 40_000])
def test_whatever_fits_can_be_indexed(owner: Person, text: str) -> None:
    """Also 100,000 characters that break into as many words as can be stay within the search index's bounds."""
    body = json.dumps({"title": "long", "content": text[:100_000]}, ensure_ascii=False)
    assert owner.create(body).status == (201 if len(body.encode()) <= 256 * 1024 else 413)


def test_a_visitor_must_sign_in(notes: Database, visitor: Person) -> None:
    """Without a token the answer is 401, and nothing is kept."""
    assert visitor.create(NOTE).status == 401
    assert notes.rows("SELECT id FROM notes") == []


def test_a_repeated_request_gets_the_first_answer(notes: Database, owner: Person) -> None:
    """With an Idempotency-Key one note and one event come of many simultaneous requests."""
    key = str(uuid4())
    answers = at_once([lambda: owner.create(NOTE, idempotency_key=key)] * 8)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == len(owner.list().body) == len(events(notes)) == 1
    assert owner.create({**NOTE, "title": "another"}, idempotency_key=key).status == 422


def test_a_note_and_its_event_are_kept_together_or_not_at_all(
    notes: Database, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that dies between the two statements leaves neither."""

    def fail(*_: object) -> None:
        raise RuntimeError("the function dies here")

    with monkeypatch.context() as broken:
        broken.setattr(outbox, "add", fail)
        assert owner.create(NOTE).status == 500
    assert owner.list().body == []
