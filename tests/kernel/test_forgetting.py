"""Tombstones, guards and the relay's sweep: what keeps a forgotten person away from a domain's database."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import LiteralString
from uuid import UUID, uuid4

import pytest
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from activity import store
from kernel import ids
from kernel.contracts.activity import UserEvent
from kernel.messaging import consumer, forgetting, outbox, relay, tombstones
from kernel.messaging.forgetting import Forgetting
from kernel.messaging.outbox import Message
from kernel.storage.database import Connection, transaction
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from tests.kit.api import call, in_domain
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, failures, record, user_event
from tests.kit.servers import wait_until

FORBIDDEN: list[tuple[str, LiteralString]] = [
    ("app", "INSERT INTO forgotten (person) VALUES ('')"),
    ("app", "UPDATE forgotten SET swept_until = NULL"),
    ("app", "DELETE FROM forgotten"),
    ("app", "SELECT sweep_forgotten('0', 1)"),
    ("app", "SELECT guard('events', 'user_id')"),
    ("relay", "SELECT bury('{}')"),
    ("relay", "SELECT forget_answers('{}', 1)"),
    ("relay", "SELECT forget_people('{}', 1)"),
    ("relay", "SELECT FROM forgotten"),
    ("ro", "SELECT bury('{}')"),
    ("ro", "SELECT forget_people('{}', 1)"),
    ("ro", "SELECT sweep_forgotten('0', 1)"),
]


@in_domain("activity")
@endpoint(scope="user", idempotent=True)
def answer_with_an_id(_request: Request) -> dict[str, UUID]:
    return {"id": ids.new()}


def bury(database: Database, *people: UUID) -> None:
    with database.connect("app") as connection:
        connection.execute("SELECT bury(%s)", (list(people),))


def add(database: Database, *values: str, key: bytes = b"key", header: str = "none") -> None:
    """Add a row for each value to the outbox."""
    messages = [Message("events", key, [("ce_subject", header.encode())], value.encode(), "a") for value in values]
    with database.connect("app") as connection:
        outbox.add_messages(connection, messages)


def publish(database: Database) -> None:
    """Mark every row as the relay does."""
    with database.connect("relay") as connection:
        connection.execute("UPDATE outbox SET published_at = now() WHERE published_at IS NULL AND parked_at IS NULL")


def sweep(database: Database, settling: str = "0", most: int = 1000) -> int:
    """Sweep until there is no more; return the number of calls."""
    calls = 1
    with database.connect("relay") as connection:
        while connection.execute("SELECT sweep_forgotten(%s::interval, %s)", (settling, most)).fetchone() == (True,):
            calls += 1
    return calls


def values(database: Database) -> list[str]:
    return [value for (value,) in database.rows("SELECT convert_from(value, 'UTF8') FROM outbox ORDER BY id")]


def keep(database: Database, principal: str, body: str) -> None:
    """Keep an answer as `kernel.web.idempotency` does."""
    query: LiteralString = """
        INSERT INTO idempotency_keys (route, principal, key_hash, fingerprint, status, body)
        VALUES ('route', %s, sha256(%s), '', 201, %s)
    """
    with database.connect("app") as connection:
        connection.execute(query, (principal, uuid4().bytes, body))


@pytest.mark.parametrize(("role", "statement"), FORBIDDEN)
def test_nobody_gains_a_right(activity: Database, role: str, statement: LiteralString) -> None:
    """A role may call the owner's functions that are its own, and touch no tombstone itself."""
    with (
        activity.connect(role) as connection,
        pytest.raises((InsufficientPrivilege, ReadOnlySqlTransaction)),
    ):
        connection.execute(statement)


def test_no_function_is_everybodys(activity: Database) -> None:
    """PUBLIC may execute none, and none that runs as its owner finds tables by the caller's path."""
    functions = activity.rows("SELECT proname, proacl::text, prosecdef, proconfig FROM pg_proc WHERE prokind = 'f'")
    ours = [row for row in functions if row[0] in ("bury", "forget_answers", "forget_people", "sweep_forgotten")]
    assert len(ours) == 4
    for name, rights, runs_as_owner, settings in ours:
        assert "{=" not in rights, name
        assert ",=" not in rights, name
        assert runs_as_owner
        assert settings == ["search_path=pg_catalog, public, pg_temp"]


def test_a_token_of_a_deleted_account_gets_401(
    activity: Database, sign_in: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer is kept for the person any more, and the words say why."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    person = uuid4()
    headers = sign_in(person) | {"Idempotency-Key": "first"}
    assert call(answer_with_an_id, "POST", headers=headers).status == 200
    bury(activity, person)
    refused = call(answer_with_an_id, "POST", headers=headers | {"Idempotency-Key": "second"})
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert refused.body["detail"].startswith("This account was deleted.")
    assert activity.rows("SELECT count(*) FROM idempotency_keys") == [(1,)]


def test_a_writer_that_was_first_is_waited_for(activity: Database) -> None:
    """What a transaction writes that saw no tombstone is committed before there is one, and so is found."""
    person, buried = uuid4(), threading.Event()

    def bury_person() -> None:
        bury(activity, person)
        buried.set()

    with activity.connect("app") as writer, writer.transaction():
        assert tombstones.forgotten_among(writer, [person]) == set()
        thread = threading.Thread(target=bury_person)
        thread.start()
        waiting: LiteralString = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: activity.rows(waiting) == [(1,)], seconds=10, what="the tombstone's wait")
        writer.execute("INSERT INTO events (id, user_id, event_type) VALUES (%s, %s, 'LOGIN')", (uuid4(), str(person)))
        assert not buried.is_set()
    thread.join()
    with activity.connect("app") as connection:
        assert tombstones.forgotten_among(connection, [person]) == {str(person)}
        assert forgetting.forget_rows(connection, [person]) == 1
    assert activity.rows("SELECT * FROM events") == []


def test_sweeps_what_names_the_person(activity: Database) -> None:
    """Published rows and kept answers go that name the person anywhere, however it is written; others' stay."""
    person, other = uuid4(), uuid4()
    add(activity, f'{{"userId":"{person}"}}', f"of {str(person).upper()}.", f"of {other}", "\N{SNOWMAN}")
    add(activity, "by key", key=str(person).encode())
    add(activity, "by header", header=str(person))
    publish(activity)
    for principal, body in (
        (str(person), "own"),
        ("", f"of {person}"),
        (str(other), f"to {person}"),
        ("", f"of {other}"),
    ):
        keep(activity, principal, body)
    bury(activity, person)
    sweep(activity)
    assert values(activity) == [f"of {other}", "\N{SNOWMAN}"]
    assert activity.rows("SELECT body FROM idempotency_keys") == [(f"of {other}",)]
    assert activity.rows("SELECT swept_until FROM forgotten") == [(None,)]


def test_sweeps_later_what_is_published_later(activity: Database) -> None:
    """A row that waits for Kafka is published first, and deleted then, whenever that is; a parked one goes at once."""
    person = uuid4()
    add(activity, f"parked, of {person}")
    with activity.connect("relay") as connection:
        connection.execute("UPDATE outbox SET parked_at = now(), parked_reason = 'too large'")
    add(activity, f"waits, of {person}")
    bury(activity, person)
    sweep(activity)
    assert values(activity) == [f"waits, of {person}"]
    sweep(activity)
    publish(activity)
    sweep(activity)
    assert values(activity) == []
    assert activity.rows("SELECT swept_until FROM forgotten") == [(None,)]


def test_leaves_alone_what_transactions_under_way_may_still_add_to(activity: Database) -> None:
    """The last moments are swept when they are settled."""
    person = uuid4()
    add(activity, f"of {person}")
    publish(activity)
    bury(activity, person)
    sweep(activity, settling="1 hour")
    assert values(activity) == [f"of {person}"]
    assert activity.rows("SELECT swept_until IS NULL FROM forgotten") == [(False,)]
    sweep(activity)
    assert values(activity) == []


def test_sweeps_a_large_outbox_in_small_parts(activity: Database) -> None:
    """12,000 rows are never searched in one call, also for several people."""
    people = [uuid4() for _ in range(30)]
    for _ in range(12):
        add(activity, *(f"of {person}" for person in (*people, *(uuid4() for _ in people)) for _ in range(17)))
        publish(activity)
    bury(activity, *people)
    assert sweep(activity, most=1_000) >= 12
    assert activity.rows("SELECT count(*) FROM outbox") == [(12 * 30 * 17,)]


def test_the_relay_sweeps(activity: Database, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it publishes of somebody who was forgotten is published, and gone from the outbox."""
    person = uuid4()
    monkeypatch.setattr(relay, "SETTLING_SECONDS", 0)
    monkeypatch.setenv("DATABASE_URL_ACTIVITY", activity.url("relay"))
    with activity.connect("app") as connection:
        outbox.add_messages(
            connection, [Message(topic, b"k", [], f"of {who}".encode(), "a") for who in (person, "all")]
        )
    bury(activity, person)
    assert relay.publish("activity", 0).published == 2
    assert values(activity) == ["of all"]


def test_a_consumer_skips_what_a_guard_refuses(activity: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that forgot to leave the person out: nothing is dead-lettered, and the rest of the batch is applied."""
    monkeypatch.setenv("TOPIC", "events")
    monkeypatch.setenv("CONSUMER_GROUP", "activity-events")
    monkeypatch.setenv("DEAD_LETTER_TOPIC", "events-activity-dlq")
    person, other = uuid4(), uuid4()
    with activity.connect() as connection:
        connection.execute("SELECT guard('events', 'user_id')")
    bury(activity, person)
    values = (user_event(userId=str(each)) for each in (person, other, person))
    keep_all = replace(consumer.batch(UserEvent)(store.add_many), domain="activity")
    assert keep_all(batch(*(record(value, place) for place, value in enumerate(values))), Context()) == failures()
    assert activity.rows("SELECT user_id FROM events") == [(str(other),)]
    assert activity.rows("SELECT * FROM outbox") == []


def test_returns_what_one_run_cannot_forget(activity: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of time, the event is given back, and the next run goes on; the tombstone stands from the first on."""
    monkeypatch.setenv("TOPIC", "events")
    monkeypatch.setenv("CONSUMER_GROUP", "activity-user-events")
    monkeypatch.setenv("DEAD_LETTER_TOPIC", "user-events-activity-dlq")
    person, context = uuid4(), Context()
    with transaction("activity") as connection:
        for _ in range(3):
            connection.execute(
                "INSERT INTO events (id, user_id, event_type) VALUES (%s, %s, 'LOGIN')", (uuid4(), str(person))
            )
    deleted = batch(record(f'{{"type":"user-deleted","userId":"{person}"}}'.encode()))

    def forget_one(connection: Connection, people: list[UUID]) -> int:
        context.milliseconds -= 25_000
        [(rows,)] = connection.execute("SELECT forget_people(%s, 1)", (people,)).fetchall()
        return int(rows)

    handler = replace(forgetting.consumer_of("activity.tests"), before=Forgetting("activity", forget_one))
    assert handler(deleted, context) == failures((0, 0))
    assert activity.rows("SELECT count(*) FROM events") == [(1,)]
    context.milliseconds = 60_000
    assert handler(deleted, context) == failures()
    assert activity.rows("SELECT count(*) FROM events") == [(0,)]
