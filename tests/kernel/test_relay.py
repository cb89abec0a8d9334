"""The outbox's relay: at least once, in order per aggregate, whatever dies."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import LiteralString

import pytest
from kafka.errors import KafkaError

from kernel.messaging import kafka as producer
from kernel.messaging import outbox, relay
from kernel.messaging.outbox import Message
from kernel.messaging.relay import Summary
from millrace_local.instance import Instance
from tests.kit import relays, topics
from tests.kit.databases import Database
from tests.kit.servers import wait_until


@pytest.fixture
def outbox_of(activity: Database, topic: str, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The activity database, for which this process is the relay."""
    monkeypatch.setenv("DATABASE_URL_ACTIVITY", activity.url("relay"))
    return activity


def message(topic: str, text: str, aggregate: str = "a", key: bytes | None = b"a") -> Message:
    return Message(topic, key, [("ce_id", b"1"), ("binary", b"\x00\xff")], text.encode(), aggregate)


def add(database: Database, *messages: Message) -> None:
    with database.connect("app") as connection:
        outbox.add_messages(connection, list(messages))


def numbered(topic: str, count: int, aggregates: int) -> list[Message]:
    """Messages 0, 1, 2 … of *aggregates* aggregates in turn."""
    keys = [f"aggregate-{number % aggregates}" for number in range(count)]
    return [message(topic, str(number), key, key.encode()) for number, key in enumerate(keys)]


def by_key(bootstrap: str, topic: str) -> dict[bytes | None, list[int]]:
    found: dict[bytes | None, list[int]] = defaultdict(list)
    for each in topics.read(bootstrap, topic):
        found[each.key()].append(int(each.value()))
    return found


def unpublished(database: Database) -> int:
    [(count,)] = database.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL AND parked_at IS NULL")
    return int(count)


@contextmanager
def waiting_relay(database: Database) -> Iterator[tuple[relay._Relay, Future[Summary]]]:
    """Run a relay that waits for rows until the block ends, and not for the rest of its minute."""
    waiting = relay._Relay("activity", 60, float("inf"))
    with ThreadPoolExecutor() as pool:
        summary = pool.submit(waiting.run)
        try:
            yield waiting, summary
        finally:
            waiting.end_of_waiting = 0
            with database.connect("app") as connection:
                connection.execute("NOTIFY outbox")


def test_publishes_what_was_committed_as_it_is(outbox_of: Database, topic: str, kafka: str) -> None:
    """Key, value and headers arrive byte by byte, and the row is marked."""
    add(outbox_of, message(topic, "hello"))

    assert relay.publish("activity", 0) == Summary(published=1, parked=0, failures=0)

    [found] = topics.read(kafka, topic)
    assert (found.key(), found.value()) == (b"a", b"hello")
    assert found.headers() == [("ce_id", b"1"), ("binary", b"\x00\xff")]
    assert unpublished(outbox_of) == 0
    assert relay.publish("activity", 0).published == 0


@pytest.mark.parametrize(("key", "value"), [(None, b"value"), (b"", b""), (b"key", None), (None, None)])
def test_publishes_records_without_key_or_value(
    key: bytes | None, value: bytes | None, outbox_of: Database, topic: str, kafka: str
) -> None:
    """Tombstones and keyless records pass; of a record that has neither, the key becomes empty and the value stays."""
    add(outbox_of, Message(topic, key, [], value, "a"))

    assert relay.publish("activity", 0).published == 1

    [found] = topics.read(kafka, topic)
    assert (found.key(), found.value()) == (b"" if key is None and value is None else key, value)


def test_publishes_at_once_after_the_commit(outbox_of: Database, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A waiting relay is woken by the commit; it does not wait for its next sweep."""
    monkeypatch.setattr(relay, "SWEEP_SECONDS", 60.0)
    with waiting_relay(outbox_of) as (_, summary):
        wait_until(lambda: _listeners(outbox_of) == 1)
        add(outbox_of, message(topic, "first, while the producer connects"))
        wait_until(lambda: unpublished(outbox_of) == 0)
        started = time.monotonic()
        add(outbox_of, message(topic, "second"))
        wait_until(lambda: unpublished(outbox_of) == 0)

        assert time.monotonic() - started < 5
    assert summary.result().published == 2


def test_does_not_lose_what_commits_late(outbox_of: Database, topic: str, kafka: str) -> None:
    """A row with a lower id that commits after higher ones were published is published then."""
    with outbox_of.connect("app") as late, late.transaction():
        outbox.add_messages(late, [message(topic, "1")])
        add(outbox_of, message(topic, "2"))
        assert relay.publish("activity", 0).published == 1

    assert relay.publish("activity", 0).published == 1
    assert [each.value() for each in topics.read(kafka, topic)] == [b"2", b"1"]


def test_a_killed_relay_loses_nothing_and_keeps_the_order(outbox_of: Database, topic: str, kafka: str) -> None:
    """Killed after Kafka's acknowledgement and before the mark: the batch is published twice, in order each time."""
    add(outbox_of, *numbered(topic, 300, aggregates=10))

    with relays.Relays(outbox_of, kafka).start("0", "--die-before-mark") as killed:
        assert killed.wait(timeout=30) == 9
    on_the_wire = len(topics.read(kafka, topic))
    wait_until(lambda: _listeners(outbox_of) == 0)
    assert relay.publish("activity", 0).published == 300

    found = by_key(kafka, topic)
    assert 0 < on_the_wire <= 300
    assert sum(map(len, found.values())) == 300 + on_the_wire
    for number, values in enumerate(found[f"aggregate-{n}".encode()] for n in range(10)):
        assert values[-30:] == list(range(number, 300, 10))


def test_overlapping_relays_keep_the_order(outbox_of: Database, topic: str, kafka: str) -> None:
    """Four relays at once, while rows are still added: no aggregate is reordered, nothing is published twice."""
    several = relays.Relays(outbox_of, kafka)
    started = [several.start("6") for _ in range(4)]
    messages = numbered(topic, 4000, aggregates=40)
    for first in range(0, len(messages), 100):
        add(outbox_of, *messages[first : first + 100])
    published = [int(each.communicate(timeout=60)[0].splitlines()[-1]) for each in started]

    found = by_key(kafka, topic)
    assert sum(published) == 4000
    assert found == {f"aggregate-{n}".encode(): list(range(n, 4000, 40)) for n in range(40)}


def test_parks_what_can_never_be_published(outbox_of: Database, topic: str, kafka: str) -> None:
    """An oversized row, or one whose topic cannot exist, is kept with the reason; the rows behind it are published."""
    small = topics.create(kafka, configuration={"max.message.bytes": "2000"})
    big = message(topic, "x" * 2_000_000)
    too_big_for_its_topic = message(small, "x" * 3000)
    add(outbox_of, big, too_big_for_its_topic, message("no topic!", "x"), message(topic, "behind"))

    assert relay.publish("activity", 0) == Summary(published=1, parked=3, failures=0)

    assert [each.value() for each in topics.read(kafka, topic)] == [b"behind"]
    parked = outbox_of.rows("SELECT parked_reason FROM outbox WHERE parked_at IS NOT NULL ORDER BY id")
    assert [reason.split("(")[0] for (reason,) in parked] == ["MessageSizeTooLargeError"] * 2 + ["ValueError"]


def test_a_batch_that_is_too_big_for_its_topic_is_published_once(outbox_of: Database, kafka: str) -> None:
    """The broker refuses it as a whole: it goes in parts."""
    small = topics.create(kafka, configuration={"max.message.bytes": "5000"})
    add(outbox_of, *(message(small, str(number).zfill(1000)) for number in range(100)))

    assert relay.publish("activity", 0) == Summary(published=100, parked=0, failures=0)
    assert [int(each.value()) for each in topics.read(kafka, small)] == list(range(100))


@pytest.mark.parametrize("size", [500, 1900])
def test_a_row_that_is_too_big_for_its_topic_parks_no_other(outbox_of: Database, kafka: str, size: int) -> None:
    """The broker refuses the whole batch, in which the others would have been small enough."""
    small = topics.create(kafka, configuration={"max.message.bytes": "2100"})
    rows = [message(small, str(number).zfill(3000 if number == 30 else size)) for number in range(60)]
    add(outbox_of, *rows)

    summary = relay.publish("activity", 0)

    assert (summary.published, summary.parked) == (59, 1)
    numbers = [int(each.value()) for each in topics.read(kafka, small)]
    assert list(dict.fromkeys(numbers)) == [number for number in range(60) if number != 30]


def test_rows_for_which_the_time_of_a_batch_is_too_short_are_no_failure(
    outbox_of: Database, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One row after the other is sent again once a batch was refused: what the time is too short for comes next."""
    clock = SlowClock()
    monkeypatch.setattr(producer, "time", clock)
    monkeypatch.setattr(producer, "_publish", clock.slowed(producer._publish))
    small = topics.create(kafka, configuration={"max.message.bytes": "2100"})
    add(outbox_of, *(message(small, str(number).zfill(3000 if number == 3 else 1900)) for number in range(10)))

    assert relay.publish("activity", 0) == Summary(published=9, parked=1, failures=0)
    numbers = [int(each.value()) for each in topics.read(kafka, small)]
    assert list(dict.fromkeys(numbers)) == [number for number in range(10) if number != 3]


class SlowClock:
    """The producer's clock, by which each sending takes as long as a whole batch may."""

    sleep, time = staticmethod(time.sleep), staticmethod(time.time)
    late = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.late

    def slowed[**P, T](self, send: Callable[P, T]) -> Callable[P, T]:
        def send_slowly(*arguments: P.args, **options: P.kwargs) -> T:
            outcome = send(*arguments, **options)
            self.late += producer.LONGEST_SEND_SECONDS
            return outcome

        return send_slowly


def test_a_row_that_is_too_big_for_its_topic_parks_no_later_one(outbox_of: Database, topic: str, kafka: str) -> None:
    """Its refusal ends the producer, which would give whatever it is given afterwards the same error."""
    small = topics.create(kafka, configuration={"max.message.bytes": "2000"})
    add(outbox_of, message(small, "x" * 3000))
    assert relay.publish("activity", 0) == Summary(published=0, parked=1, failures=0)
    add(outbox_of, message(small, "small"), message(topic, "elsewhere"))

    assert relay.publish("activity", 0) == Summary(published=2, parked=0, failures=0)


def test_a_row_that_its_topic_refuses_parks_no_other(outbox_of: Database, kafka: str) -> None:
    """A compacted topic takes no record without a key, and refuses the whole batch that has one."""
    compacted = topics.create(kafka, configuration={"cleanup.policy": "compact"})
    add(outbox_of, *(message(compacted, str(number), key=None if number == 5 else b"a") for number in range(10)))

    summary = relay.publish("activity", 0)

    assert (summary.published, summary.parked) == (9, 1)
    numbers = [int(each.value()) for each in topics.read(kafka, compacted)]
    assert list(dict.fromkeys(numbers)) == [0, 1, 2, 3, 4, 6, 7, 8, 9]


def test_an_absent_topic_holds_up_its_own_rows_only(
    outbox_of: Database, topic: str, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a topic that does not exist yet wait; other rows of the same aggregate go on."""
    monkeypatch.setitem(producer.OPTIONS, "max_block_ms", 2_000)
    add(outbox_of, message("absent", "waits"), message(topic, "goes on"))

    assert relay.publish("activity", 0) == Summary(published=1, parked=0, failures=0)
    assert unpublished(outbox_of) == 1


def test_waits_for_a_broker_that_is_down(
    outbox_of: Database, topic: str, kafka: str, own_instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows stay while nobody listens at Kafka's address, and are published by the same relay once somebody does."""
    monkeypatch.setitem(producer.OPTIONS, "bootstrap_timeout_ms", 1_000)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", own_instance.kafka_bootstrap)
    add(outbox_of, message(topic, "patient"))
    with pytest.raises(KafkaError):
        relay.publish("activity", 0)
    assert unpublished(outbox_of) == 1

    with waiting_relay(outbox_of) as (waiting, summary):
        wait_until(lambda: waiting.failures > 0)
        assert unpublished(outbox_of) == 1
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
        wait_until(lambda: unpublished(outbox_of) == 0)

    assert [each.value() for each in topics.read(kafka, topic)] == [b"patient"]
    assert summary.result().published == 1
    assert summary.result().failures > 0


def test_prunes_old_published_rows_only(outbox_of: Database, topic: str) -> None:
    """What is unpublished or young stays, however old or published it is."""
    add(outbox_of, *(message(topic, name) for name in ("old and published", "young and published", "old, unpublished")))
    with outbox_of.connect() as connection:
        connection.execute(
            """
            UPDATE outbox SET published_at = now() - CASE convert_from(value, 'UTF8')
                WHEN 'old and published' THEN interval '8 days' WHEN 'young and published' THEN interval '6 days' END
            """
        )

    assert relay.publish("activity", 0).published == 1

    left = outbox_of.rows("SELECT convert_from(value, 'UTF8') FROM outbox ORDER BY id")
    assert left == [("young and published",), ("old, unpublished",)]


def test_forgets_old_inbox_rows_only(outbox_of: Database, topic: str) -> None:
    """An id is kept longer than its record can come back."""
    with outbox_of.connect() as connection:
        connection.execute(
            """
            INSERT INTO inbox (consumer, event_id, handled_at)
            SELECT 'c', gen_random_uuid(), now() - make_interval(days => age) FROM unnest(ARRAY[1, 29, 31, 90]) AS age
            """
        )

    relay.publish("activity", 0)

    assert outbox_of.rows("SELECT extract(day FROM now() - handled_at)::int FROM inbox ORDER BY 1") == [(1,), (29,)]


def test_prunes_until_nothing_old_is_left(outbox_of: Database, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many a minute has brought: one run deletes part by part."""
    monkeypatch.setattr(relay, "DELETION_SECONDS", 60)
    with outbox_of.connect() as connection:
        connection.execute(
            """
            INSERT INTO inbox (consumer, event_id, handled_at)
                SELECT 'c', gen_random_uuid(), now() - interval '31 days' FROM generate_series(1, 21000);
            INSERT INTO idempotency_keys (route, principal, key_hash, fingerprint, created_at)
                SELECT 'r', '', int8send(number), '', now() - interval '8 days' FROM generate_series(1, 11000) AS number;
            """
        )

    relay.publish("activity", 0)

    assert outbox_of.rows("SELECT FROM inbox UNION ALL SELECT FROM idempotency_keys") == []


@pytest.mark.parametrize(
    ("table", "statement", "index"),
    [
        ("inbox", "SELECT prune_inbox('30 days')", "inbox_in_order"),
        ("idempotency_keys", "SELECT prune_idempotency_keys('7 days')", "idempotency_keys_in_order"),
    ],
)
def test_finds_old_rows_by_an_index(activity: Database, table: str, statement: LiteralString, index: str) -> None:
    """A minute in which nothing is old reads no table, however large it is."""
    with activity.connect() as connection:
        connection.execute("""
            INSERT INTO inbox (consumer, event_id) SELECT 'c', gen_random_uuid() FROM generate_series(1, 20000);
            INSERT INTO idempotency_keys (route, principal, key_hash, fingerprint)
                SELECT 'r', '', int8send(number), '' FROM generate_series(1, 20000) AS number;
            ANALYZE inbox, idempotency_keys
        """)
        before = scans(activity, table, index)
        connection.execute(statement)
        connection.execute("SELECT pg_stat_force_next_flush()")
        wait_until(lambda: scans(activity, table, index) != before)
    assert scans(activity, table, index) == (before[0], before[1] + 1)


def scans(database: Database, table: str, index: str) -> tuple[int, int]:
    """Return how often *table* was read as a whole, and how often by *index*."""
    query = """
        SELECT (SELECT seq_scan FROM pg_stat_user_tables WHERE relname = %s),
               (SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = %s)
    """
    [(whole, by_index)] = database.rows(query, table, index)
    return int(whole), int(by_index)


def _listeners(database: Database) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usename = 'activity_relay'"
    [(count,)] = database.rows(query, database.name)
    return int(count)
