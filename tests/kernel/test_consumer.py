"""The Kafka edge: exactly-once effects, and failures told apart."""

import contextlib
import json
import os
import signal
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activity import store
from kernel.contracts.activity import UserEvent
from kernel.errors import ConflictError, NotOursError, UnavailableError
from kernel.messaging import consumer
from kernel.messaging.consumer import Consumer
from kernel.storage.database import Connection
from millrace_local.instance import Instance
from millrace_local.servers.postgres import Postgres, superuser_url
from tests.kit.databases import Database, migrated
from tests.kit.lambda_events import Context, batch, failures, record, user_event
from tests.kit.servers import running, wait_until

NOTHING_FAILED = failures()


@pytest.fixture(autouse=True)
def consumer_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPIC", "events")
    monkeypatch.setenv("CONSUMER_GROUP", "group-of-the-test")
    monkeypatch.setenv("DEAD_LETTER_TOPIC", "events-dlq")
    monkeypatch.setenv("BREAKER_THRESHOLD", "10")


@pytest.fixture(params=["batch", "each"])
def handler(request: pytest.FixtureRequest) -> Consumer[UserEvent]:
    """A consumer that stores events, in both styles. An event of the user `conflict` is refused by a rule."""
    if request.param == "batch":
        return of_activity(consumer.batch(UserEvent)(keep))
    return of_activity(consumer.each(UserEvent)(lambda connection, event: keep(connection, [event])))


def of_activity[E](made: Consumer[E]) -> Consumer[E]:
    """Return the consumer as one of the activity domain."""
    return replace(made, domain="activity")


def keep(connection: Connection, events: list[UserEvent]) -> None:
    store.add_many(connection, events)
    if any(event.user_id == "conflict" for event in events):
        raise ConflictError("a rule of the domain says no")
    if any(event.user_id == "busy" for event in events):
        raise UnavailableError("an outside system answers 503")


def test_skips_and_counts_what_is_another_services(
    activity: Database, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no failure: nothing is dead-lettered, the rest is applied, and redelivery changes nothing."""

    def refuse(connection: Connection, event: UserEvent) -> None:
        if event.user_id == "foreign":
            raise NotOursError("no user of ours")
        keep(connection, [event])

    delivery = batch(*(record(user_event(userId=["foreign", "ours"][n % 2]), n) for n in range(6)))
    for _ in range(2):
        assert of_activity(consumer.each(UserEvent)(refuse))(delivery, context) == NOTHING_FAILED
        assert len(kept(activity)) == 3
        assert dead_letters(activity) == []
        assert '"not_ours":[3.0]' in capsys.readouterr().out


def kept(database: Database) -> set[UUID]:
    return {event_id for (event_id,) in database.rows("SELECT id FROM events")}


def dead_letters(database: Database) -> list[tuple[Any, ...]]:
    return database.rows("SELECT key, value, headers FROM outbox WHERE topic = 'events-dlq' ORDER BY id")


def dead_offsets(database: Database) -> list[str]:
    return [dict(headers)["dlq_offset"] for _, _, headers in dead_letters(database)]


def test_applies_an_event_once_however_often_it_is_delivered(
    handler: Consumer[UserEvent], activity: Database, context: Context
) -> None:
    """Redelivered batches, and duplicates inside one, change nothing and fail nothing."""
    first, second = uuid4(), uuid4()
    delivered = batch(*(record(user_event(id_), offset) for offset, id_ in enumerate((first, second, first, first))))

    assert [handler(delivered, context) for _ in range(3)] == [NOTHING_FAILED] * 3

    assert kept(activity) == {first, second}
    assert activity.rows("SELECT count(*) FROM inbox") == [(2,)]


@pytest.mark.parametrize(
    "value",
    [
        b"not JSON",
        b"\xff\xfe",
        b"[]",
        b"",
        None,
        b"5",
        user_event(eventType="PURCHASE"),
        user_event(eventId="5"),
        b"{}",
    ],
)
def test_dead_letters_what_cannot_be_read_once(
    value: bytes | None, handler: Consumer[UserEvent], activity: Database, context: Context
) -> None:
    """A malformed record is dead-lettered exactly once however often it is delivered, and its neighbours are applied."""
    before, after = uuid4(), uuid4()
    delivered = batch(record(user_event(before), 0), record(value, 1), record(user_event(after), 2))

    assert [handler(delivered, context) for _ in range(3)] == [NOTHING_FAILED] * 3

    assert kept(activity) == {before, after}
    assert dead_offsets(activity) == ["1"]


def test_dead_letters_what_a_rule_refuses(handler: Consumer[UserEvent], activity: Database, context: Context) -> None:
    """An event that fails for good is isolated: nothing of it stays, its partition goes on, and it is kept whole."""
    good, bad, later = uuid4(), uuid4(), uuid4()
    value = user_event(bad, userId="conflict")
    delivered = batch(record(user_event(good), 0), record(value, 1), record(user_event(later), 2))

    assert [handler(delivered, context) for _ in range(2)] == [NOTHING_FAILED] * 2

    assert kept(activity) == {good, later}
    [(key, stored, headers)] = dead_letters(activity)
    assert (key, stored) == (b"key", value)
    assert dict(headers)["dlq_error_class"] == "ConflictError"


def test_a_dead_letter_tells_where_it_comes_from(
    handler: Consumer[UserEvent], activity: Database, context: Context
) -> None:
    """All context is in headers; the record's own headers, repeated names and any bytes, stay as they were."""
    own = [
        ("trace", b"one"),
        ("trace", b"two"),
        ("binary", b"\x00\xff\x80"),
        ("traceparent", b"00-%s-%s-01" % (b"a" * 32, b"b" * 16)),
    ]

    handler(batch(record(b"junk", 41, partition=2, key=b"\xfe", headers=own)), context)

    [(key, value, headers)] = dead_letters(activity)
    texts = dict(headers)
    assert (key, value) == (b"\xfe", b"junk")
    assert headers[:4] == [
        ["trace", "one"],
        ["trace", "two"],
        ["binary", {"base64": "AP+A"}],
        ["traceparent", own[3][1].decode()],
    ]
    places = [texts[f"dlq_{name}"] for name in ("topic", "partition", "offset", "timestamp", "consumer", "attempts")]
    assert places == ["events", "2", "41", "1700000000041", "group-of-the-test", "1"]
    assert texts["dlq_key"] == {"base64": "/g=="}
    assert texts["dlq_error_class"] == "MalformedError"
    assert texts["dlq_error_message"]
    assert texts["dlq_error_where"].startswith("kernel/messaging/events.py:")
    assert len(texts["dlq_fingerprint"]) == 16
    assert texts["dlq_first_failed_at"].endswith("Z")
    assert UUID(texts["dlq_id"])


def test_counts_the_attempts_of_a_redriven_record_on(
    handler: Consumer[UserEvent], activity: Database, context: Context
) -> None:
    """A record that comes back from the dead letters keeps the time of its first failure, and its first place."""
    redriven = [("dlq_attempts", b"3"), ("dlq_first_failed_at", b"2026-01-01T00:00:00Z"), ("dlq_offset", b"1")]
    redriven += [("redrive_id", b"task"), ("redrive_offset", b"1"), ("redrive_count", b"2")]

    handler(batch(record(b"junk", 5, headers=redriven)), context)

    [(_, _, headers)] = dead_letters(activity)
    texts = dict(headers)
    assert (texts["dlq_attempts"], texts["dlq_first_failed_at"], texts["dlq_offset"]) == (
        "4",
        "2026-01-01T00:00:00Z",
        "5",
    )
    assert (texts["redrive_id"], texts["redrive_offset"], texts["redrive_count"]) == ("task", "1", "2")
    assert len(headers) == len(texts)


def test_a_dead_letter_has_an_id_of_its_own(
    handler: Consumer[UserEvent], activity: Database, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every consumer and every failure of a record gives a letter; a delivery that is repeated gives none."""
    for group in ("one", "another", "one"):
        monkeypatch.setenv("CONSUMER_GROUP", group)
        handler(batch(record(b"junk", 5), record(b"junk", 6, headers=[("dlq_id", b"of its last failure")])), context)

    assert len({dict(headers)["dlq_id"] for _, _, headers in dead_letters(activity)}) == 4
    assert len(dead_letters(activity)) == 4


def test_returns_what_may_succeed_later(handler: Consumer[UserEvent], activity: Database, context: Context) -> None:
    """A transient failure holds up its own partition from there on; other partitions go on; nothing is dead-lettered."""
    ids = [uuid4() for _ in range(5)]
    delivered = batch(
        record(user_event(ids[0]), 0),
        record(user_event(ids[1], userId="busy"), 1),
        record(user_event(ids[2]), 2),
        record(user_event(ids[3]), 0, partition=1),
        record(user_event(ids[4]), 1, partition=1),
    )

    assert handler(delivered, context) == failures((0, 1), (0, 2))

    assert kept(activity) == {ids[0], ids[3], ids[4]}
    assert dead_letters(activity) == []


@pytest.mark.parametrize(
    "sqlstate",
    [
        "08006",
        "40001",
        "40P01",
        "53100",
        "53300",
        "55P03",
        "57P01",
        "57014",
        "25006",
        "58030",
        "42P01",
        "42703",
        "3D000",
        "42501",
        "28P01",
    ],
)
def test_never_dead_letters_for_the_databases_faults(sqlstate: str, activity: Database, context: Context) -> None:
    """Busy, read-only, full, failing over, not migrated, not granted: the record waits."""

    @of_activity
    @consumer.batch(UserEvent)
    def handler(connection: Connection, events: list[UserEvent]) -> None:
        connection.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END $$".encode())

    assert handler(batch(record(user_event(), 7)), context) == failures((0, 7))
    assert dead_letters(activity) == []


def test_a_cut_connection_loses_and_dead_letters_nothing(activity: Database, context: Context) -> None:
    """When the database fails over in the middle of a batch, the whole batch is delivered again, and applied once."""
    cuts = [0, 1]

    @of_activity
    @consumer.batch(UserEvent)
    def handler(connection: Connection, events: list[UserEvent]) -> None:
        store.add_many(connection, events)
        if cuts:
            cuts.pop()
            activity.end_sessions()

    ids = {uuid4() for _ in range(20)}
    delivered = batch(*(record(user_event(id_), offset) for offset, id_ in enumerate(ids)))

    assert handler(delivered, context) == failures(*((0, offset) for offset in range(20)))
    assert handler(delivered, context) == NOTHING_FAILED
    assert kept(activity) == ids
    assert dead_letters(activity) == []


def test_a_crash_of_postgres_dead_letters_nothing(
    own_instance: Instance, monkeypatch: pytest.MonkeyPatch, context: Context
) -> None:
    """Postgres is stopped without warning in the middle of a batch; after its restart the batch is applied once."""
    ids = {uuid4() for _ in range(20)}
    delivered = batch(*(record(user_event(id_), offset) for offset, id_ in enumerate(ids)))
    crash = True

    @of_activity
    @consumer.batch(UserEvent)
    def handler(connection: Connection, events: list[UserEvent]) -> None:
        store.add_many(connection, events)
        if crash:
            os.kill(server.pid, signal.SIGQUIT)
            with contextlib.suppress(psycopg.Error):
                wait_until(lambda: server.poll() is not None)
                connection.execute("SELECT 1")

    with running(Postgres(), own_instance) as server:
        database = migrated(superuser_url(own_instance), "activity")
        monkeypatch.setenv("DATABASE_URL_ACTIVITY", database.url("app"))
        everything = failures(*((0, offset) for offset in range(20)))
        assert [handler(delivered, context) for _ in range(2)] == [everything] * 2
    crash = False
    with running(Postgres(), own_instance):
        assert handler(delivered, context) == NOTHING_FAILED
        assert kept(database) == ids
        assert dead_letters(database) == []


def test_stops_dead_lettering_when_everything_fails(
    handler: Consumer[UserEvent], activity: Database, context: Context
) -> None:
    """A hundred percent poison opens the breaker: the threshold's number is dead-lettered, and then no more."""
    poison = batch(*(record(b"junk", offset) for offset in range(50)))
    rest = failures(*((0, offset) for offset in range(10, 50)))

    assert [handler(poison, context) for _ in range(3)] == [rest] * 3

    assert dead_offsets(activity) == [str(offset) for offset in range(10)]


def test_the_breaker_closes_with_a_success(handler: Consumer[UserEvent], activity: Database, context: Context) -> None:
    """While it is open good records are applied as ever, and the first of them lets dead-lettering go on."""
    handler(batch(*(record(b"junk", offset) for offset in range(11))), context)

    assert handler(batch(record(b"junk", 10)), context) == failures((0, 10))
    assert handler(batch(record(user_event(), 0, partition=1)), context) == NOTHING_FAILED
    assert handler(batch(record(b"junk", 10)), context) == NOTHING_FAILED
    assert dead_offsets(activity)[-1] == "10"


def test_poison_here_and_there_leaves_the_breaker_closed(
    handler: Consumer[UserEvent], activity: Database, context: Context
) -> None:
    """More permanent failures than the threshold, but never in a row, are all dead-lettered."""
    values = [b"junk" if offset % 2 else user_event() for offset in range(60)]

    assert handler(batch(*(record(value, offset) for offset, value in enumerate(values))), context) == NOTHING_FAILED

    assert len(dead_letters(activity)) == len(kept(activity)) == 30


def test_stops_before_the_deadline(handler: Consumer[UserEvent], activity: Database, context: Context) -> None:
    """Without time left nothing is begun, and everything is returned."""
    delivered = batch(record(user_event(), 3), record(user_event(), 4))

    assert handler(delivered, Context(milliseconds=0)) == failures((0, 3), (0, 4))

    assert kept(activity) == set()


def test_returns_the_part_for_which_the_time_did_not_suffice(
    activity: Database, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was applied before the deadline came near is committed; only the rest is returned."""
    monkeypatch.setattr(consumer, "CHUNK", 2)
    clock = iter([0.0, 0.0, *[1000.0] * 20])
    monkeypatch.setattr("kernel.messaging.consumer.time.monotonic", lambda: next(clock))
    handler = of_activity(consumer.batch(UserEvent)(keep))
    ids = [uuid4() for _ in range(6)]

    answer = handler(batch(*(record(user_event(id_), offset) for offset, id_ in enumerate(ids))), context)

    assert answer == failures((0, 2), (0, 3), (0, 4), (0, 5))
    assert kept(activity) == set(ids[:2])


def test_skips_types_that_nobody_here_reads(handler: Consumer[UserEvent], activity: Database, context: Context) -> None:
    """An unknown type of a known topic is no failure."""
    other = record(b'{"type": "user-registered"}', 0)
    by_header = record(user_event(), 1, headers=[("ce_type", b"Another"), ("ce_id", str(uuid4()).encode())])

    assert handler(batch(other, by_header), context) == NOTHING_FAILED

    assert kept(activity) == set()
    assert activity.rows("SELECT count(*) FROM inbox") == [(0,)]


def test_a_batch_says_how_long_it_took(
    handler: Consumer[UserEvent], activity: Database, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a metric of the group: a replay slows down when live batches take longer."""
    handler(batch(record(user_event())), context)

    [line] = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    told = json.loads(line)
    assert (told["component"], told["applied"]) == ("group-of-the-test", [1.0])
    assert told["consumer_batch_duration_ms"][0] > 0
    assert len(kept(activity)) == 1


def test_an_empty_batch_is_no_failure(handler: Consumer[UserEvent], context: Context) -> None:
    """A mapping may ask with nothing to do."""
    assert handler(batch(), context) == NOTHING_FAILED


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=12), min_size=1, max_size=6))
def test_any_redelivery_has_the_same_effect(
    deliveries: list[list[int]], handler: Consumer[UserEvent], activity: Database, context: Context
) -> None:
    """Whatever is delivered, in any order and any number of times: each good record once, each bad one dead once."""
    with activity.connect() as connection:
        # A breaker that an earlier example opened would give the next one back.
        connection.execute("TRUNCATE events, inbox, outbox, breakers")
    ids = [UUID(int=number + 1) for number in range(12)]
    values = [b"junk" if number % 4 == 0 else user_event(ids[number]) for number in range(12)]

    for offsets in deliveries:
        assert handler(batch(*(record(values[offset], offset) for offset in offsets)), context) == NOTHING_FAILED

    seen = {offset for offsets in deliveries for offset in offsets}
    assert kept(activity) == {ids[offset] for offset in seen if offset % 4}
    assert sorted(dead_offsets(activity), key=int) == [str(offset) for offset in sorted(seen) if offset % 4 == 0]
