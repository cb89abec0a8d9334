"""Notes go with their owner's account, however many they are."""

import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from kernel.messaging import forgetting
from tests.forgetting.deletions import hear_of
from tests.kit.databases import Database
from tests.kit.documents import Person

TEXT = {"title": "A title", "content": "Words."}


def test_deletes_every_note_and_nobody_elses(owner: Person, stranger: Person) -> None:
    """Pages and those below them; heard twice, it changes nothing."""
    page = owner.create(TEXT).body["id"]
    owner.create(TEXT | {"parentId": page})
    kept = stranger.create(TEXT).body["id"]
    for _ in range(2):
        hear_of("notes", owner.id or uuid4(), uuid4())
        assert owner.list().body == []
        assert stranger.get(kept).status == 200


def test_a_page_that_is_younger_than_those_below_it_goes_too(
    notes: Database, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Part by part: a part may hold a page and not the pages below it."""
    monkeypatch.setattr(forgetting, "MOST_ROWS", 1)
    below = owner.create(TEXT).body["id"]
    above = owner.create(TEXT).body["id"]
    assert owner.update(below, TEXT | {"parentId": above}).status == 200
    hear_of("notes", owner.id or uuid4())
    assert notes.rows("SELECT * FROM notes") == []


def test_a_token_that_is_still_valid_writes_no_note(notes: Database, somebody: Callable[[], Person]) -> None:
    """401 that says why; nothing is kept and nothing is published."""
    gone = somebody()
    hear_of("notes", gone.id or uuid4())
    for headers in ({}, {"idempotency_key": "first"}):
        refused = gone.create(TEXT, **headers)
        assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert refused.body["detail"] == "This account was deleted. Its access tokens are no longer valid."
    assert notes.rows("SELECT id FROM notes UNION ALL SELECT gen_random_uuid() FROM outbox") == []
    assert notes.rows("SELECT * FROM idempotency_keys") == []


def test_forgets_a_prolific_owner_in_time(notes: Database, owner: Person) -> None:
    """30,000 notes below one page take no statement near its time limit, and leave time in the function's minute."""
    page = owner.create(TEXT).body["id"]
    with notes.connect() as connection:
        connection.execute(
            """
            INSERT INTO notes (id, owner_id, parent_id, title, content)
            SELECT uuidv7(), %s, %s, 'A title', 'Words ' || number FROM generate_series(1, 30000) AS number
            """,
            (owner.id, page),
        )
    started = time.monotonic()
    hear_of("notes", owner.id or uuid4())
    assert time.monotonic() - started < 45
    assert notes.rows("SELECT count(*) FROM notes") == [(0,)]
