"""PUT /api/v1/notes/{id}: new text, and a tree that stays a tree."""

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.databases import Database
from tests.kit.documents import Person, at_once, events, wrong_fields

NOTE = {"title": "Plan", "content": "text"}
NEW = {"title": "New", "content": "other text"}
PAGES = 6

# A circle has a page that is reached from itself.
IN_CIRCLES = """
    WITH RECURSIVE above AS (
        SELECT id, parent_id FROM notes
        UNION
        SELECT above.id, notes.parent_id FROM notes JOIN above ON notes.id = above.parent_id
    )
    SELECT id FROM above WHERE id = parent_id
"""


def moved(person: Person, note: str, parent: str | None) -> int:
    """The status of moving *note* below *parent*."""
    return person.update(note, {**NEW, "parentId": parent}).status


def chain(person: Person, length: int) -> list[str]:
    """The ids of as many notes, each below the one before."""
    ids: list[str] = []
    for _ in range(length):
        ids.append(person.create({**NOTE, "parentId": ids[-1] if ids else None}).body["id"])
    return ids


def test_gives_a_note_its_new_text(notes: Database, owner: Person) -> None:
    """The next version has the new text and tag and its old place, and its event the agreed shape."""
    parent, page = chain(owner, 2)
    before = owner.get(page).body
    answer = owner.update(page, NEW)

    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    assert answer.body == {**before, **NEW, "version": 2, "updatedAt": answer.body["updatedAt"]}
    assert answer.body["updatedAt"] > before["updatedAt"]
    assert events(notes)[2:] == [
        {
            "topic": "note-events",
            "key": page,
            "type": "note-updated",
            "noteId": page,
            "title": "New",
            "ownerId": str(owner.id),
            "parentId": parent,
        }
    ]


def test_moves_a_note(notes: Database, owner: Person) -> None:
    """`parentId` moves it below another or, if null, to the top; without it the note stays where it is."""
    one, two, page = (owner.create(NOTE).body["id"] for _ in range(3))
    assert owner.update(page, {**NOTE, "parentId": one}).body["parentId"] == one
    assert owner.update(page, {**NOTE, "parentId": two}).body["parentId"] == two
    assert owner.update(page, NEW).body["parentId"] == two
    assert owner.update(page, {**NEW, "parentId": None}).body["parentId"] is None
    assert [event["parentId"] for event in events(notes)[3:]] == [one, two, two, None]


def test_what_is_the_same_is_no_change(notes: Database, owner: Person) -> None:
    """The same request twice makes one version and one event."""
    note = owner.create(NOTE).body["id"]
    first, second = (owner.update(note, {**NEW, "parentId": None}) for _ in range(2))
    assert first.body == second.body
    assert [event["type"] for event in events(notes)] == ["note-created", "note-updated"]


def test_a_note_exists_for_its_owner_alone(notes: Database, owner: Person, stranger: Person, visitor: Person) -> None:
    """Another user gets 404 whatever is sent, a visitor 401; nothing is changed."""
    note = owner.create(NOTE).body
    assert stranger.update(note["id"], NEW).status == 404
    assert stranger.update(note["id"], NEW, if_match='"7"').status == 404
    assert visitor.update(note["id"], NEW).status == 401
    assert owner.get(note["id"]).body == note
    assert len(events(notes)) == 1


def test_a_parent_must_be_a_note_of_ones_own(owner: Person, stranger: Person) -> None:
    """A note moves neither below another's note nor below one that is not."""
    note, others = owner.create(NOTE).body, stranger.create(NOTE).body["id"]
    assert [moved(owner, note["id"], parent) for parent in (others, str(uuid4()))] == [422, 422]
    assert owner.get(note["id"]).body == note


def test_wrong_fields_are_named(owner: Person) -> None:
    """A replacement needs title and content; the owner and the version cannot be set."""
    note = owner.create(NOTE).body["id"]
    answer = owner.update(note, {"title": " ", "ownerId": str(uuid4()), "version": 9, "parentId": 1})
    assert (answer.status, wrong_fields(answer)) == (400, {"title", "content", "ownerId", "version", "parentId"})


def test_a_change_of_an_old_version_is_refused(owner: Person) -> None:
    """If-Match with the tag of a version that is no more: 412, and the later change stays."""
    note = owner.create(NOTE)
    tag = note.headers["ETag"]
    assert owner.update(note.body["id"], NEW, if_match=tag).status == 200
    assert owner.update(note.body["id"], {**NEW, "title": "late"}, if_match=tag).status == 412
    assert owner.get(note.body["id"]).body["title"] == "New"


def test_of_simultaneous_changes_of_one_version_one_wins(notes: Database, owner: Person) -> None:
    """Ten editors that have read the same version: one is told 200 and its text stays, nine are told 412."""
    note = owner.create(NOTE)
    tag, bodies = note.headers["ETag"], [{**NEW, "title": f"editor {n}"} for n in range(10)]
    answers = at_once([partial(owner.update, note.body["id"], body, if_match=tag) for body in bodies])
    [winner] = [answer for answer in answers if answer.status == 200]
    assert [answer.status for answer in answers if answer is not winner] == [412] * 9
    assert owner.get(note.body["id"]).body == winner.body
    assert [event["title"] for event in events(notes)] == ["Plan", winner.body["title"]]


def test_a_note_is_never_inside_itself(owner: Person) -> None:
    """Below itself, its child or its child's child it is refused with 409; beside them it is not."""
    top, middle, bottom = chain(owner, 3)
    assert [moved(owner, top, parent) for parent in (top, middle, bottom)] == [409, 409, 409]
    assert owner.get(top).body["parentId"] is None
    assert moved(owner, bottom, top) == 200
    assert moved(owner, middle, bottom) == 200


def test_two_moves_that_would_close_a_circle_do_not_both_succeed(notes: Database, owner: Person) -> None:
    """One below two and two below one at the same moment: one of them is refused, in each of many tries."""
    for _ in range(15):
        one, two = (owner.create(NOTE).body["id"] for _ in range(2))
        statuses = at_once([partial(moved, owner, one, two), partial(moved, owner, two, one)])
        assert sorted(statuses) == [200, 409]
    assert notes.rows(IN_CIRCLES) == []


moves = st.lists(st.tuples(st.integers(0, PAGES - 1), st.none() | st.integers(0, PAGES - 1)), max_size=15)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(several=moves)
def test_random_moves_keep_a_tree(
    notes: Database, somebody: Callable[[], Person], several: list[tuple[int, int | None]]
) -> None:
    """Exactly the moves succeed that a model of the tree allows, and its parents are the database's at the end."""
    owner = somebody()
    pages = [owner.create(NOTE).body["id"] for _ in range(PAGES)]
    parents: dict[int, int | None] = dict.fromkeys(range(PAGES))

    def line(page: int | None) -> list[int]:
        return [] if page is None else [page, *line(parents[page])]

    for page, parent in several:
        allowed = page not in line(parent)
        status = moved(owner, pages[page], None if parent is None else pages[parent])
        assert status == (200 if allowed else 409)
        if allowed:
            parents[page] = parent
    kept = {note["id"]: note["parentId"] for note in owner.list().body}
    assert kept == {pages[page]: None if parent is None else pages[parent] for page, parent in parents.items()}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(several=st.lists(moves, min_size=4, max_size=4))
def test_simultaneous_random_moves_keep_a_tree(
    notes: Database, somebody: Callable[[], Person], several: list[list[tuple[int, int | None]]]
) -> None:
    """Four editors who move the same pages at random are told 200 or 409, never more, and no circle comes of it."""
    owner = somebody()
    pages = [owner.create(NOTE).body["id"] for _ in range(PAGES)]

    def edit(own_moves: list[tuple[int, int | None]]) -> set[int]:
        return {moved(owner, pages[page], None if to is None else pages[to]) for page, to in own_moves}

    statuses = at_once([partial(edit, own_moves) for own_moves in several])
    assert set().union(*statuses) <= {200, 409}
    assert notes.rows(IN_CIRCLES) == []


@pytest.mark.parametrize("path_id", ["1", "00000000-0000-7000-8000-000000000000"])
def test_what_is_no_note_is_not_found(owner: Person, path_id: str) -> None:
    """An id of nothing and text that is no id are both 404: PUT creates nothing."""
    assert owner.update(path_id, NEW).status == 404
