"""Parked rows: an operator has them published again, or discards them; all of those that were named, or none."""

from typing import LiteralString

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from kernel.messaging import outbox, relay
from kernel.messaging.outbox import Message
from tests.kit import topics
from tests.kit.databases import Database

DECISIONS: tuple[LiteralString, ...] = ("SELECT retry_parked(%s)", "SELECT FROM discard_parked_rows(%s)")
NOT_PARKED = "MR409"


@pytest.fixture
def ids(activity: Database, topic: str) -> list[int]:
    """Two parked rows, a published one and one that waits."""
    with activity.connect("app") as connection:
        outbox.add_messages(connection, [Message(topic, b"key", [], b"%d" % each, "a") for each in range(4)])
    found = [int(each) for (each,) in activity.rows("SELECT id FROM outbox ORDER BY id")]
    with activity.connect("relay") as connection:
        connection.execute(
            "UPDATE outbox SET parked_at = now(), parked_reason = 'too large' WHERE id = ANY(%s)", (found[:2],)
        )
        connection.execute("UPDATE outbox SET published_at = now() WHERE id = %s", (found[2],))
    return found


def test_retried_rows_are_published_in_their_order(
    activity: Database, ids: list[int], topic: str, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the order in which they are named, and once if one is named twice."""
    monkeypatch.setenv("DATABASE_URL_ACTIVITY", activity.url("relay"))
    with activity.connect("relay") as connection:
        assert connection.execute("SELECT retry_parked(%s)", ([ids[1], ids[0], ids[1]],)).fetchone() == (2,)

    assert relay.publish("activity", 0).published == 3

    assert [each.value() for each in topics.read(kafka, topic)] == [b"0", b"1", b"3"]
    assert activity.rows("SELECT FROM outbox WHERE parked_reason IS NOT NULL") == []


def test_discarded_rows_are_returned_and_gone(activity: Database, ids: list[int], topic: str) -> None:
    """With everything that was in them; the others stay."""
    with activity.connect("relay") as connection:
        query = "SELECT id, topic, key, value, aggregate, parked_reason FROM discard_parked_rows(%s)"
        found = connection.execute(query, ([ids[1], ids[0]],)).fetchall()

    assert found == [
        (ids[0], topic, b"key", b"0", "a", "too large"),
        (ids[1], topic, b"key", b"1", "a", "too large"),
    ]
    assert activity.rows("SELECT id FROM outbox ORDER BY id") == [(each,) for each in ids[2:]]


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_row_that_is_not_parked_refuses_all(activity: Database, ids: list[int], decision: LiteralString) -> None:
    """The error names the ids, published, waiting or absent, and nothing was changed."""
    before = activity.rows("SELECT * FROM outbox ORDER BY id")

    with activity.connect("relay") as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(decision, ([*ids, 999],))

    assert refused.value.sqlstate == NOT_PARKED
    assert refused.value.diag.message_primary == f"not parked: {ids[2]}, {ids[3]}, 999"
    assert activity.rows("SELECT * FROM outbox ORDER BY id") == before


@pytest.mark.parametrize("decision", DECISIONS)
def test_no_ids_change_nothing(activity: Database, ids: list[int], decision: LiteralString) -> None:
    before = activity.rows("SELECT * FROM outbox ORDER BY id")
    with activity.connect("relay") as connection:
        connection.execute(decision, (list[int](),))
    assert activity.rows("SELECT * FROM outbox ORDER BY id") == before


@pytest.mark.parametrize("role", ["app", "ro"])
@pytest.mark.parametrize("call", ["SELECT retry_parked('{}')", "SELECT discard_parked_rows('{}')"])
def test_other_roles_decide_nothing(activity: Database, role: str, call: LiteralString) -> None:
    """What is published in a domain's name is for its relay's role alone."""
    with activity.connect(role) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(call)
