"""The phases of the Kafka edge, undecoded records, and the generations of the inbox."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from activity import store
from kernel.contracts.activity import UserEvent
from kernel.errors import ConflictError, NotOursError, UnavailableError
from kernel.messaging import consumer, events
from kernel.messaging.consumer import Consumer
from kernel.messaging.deliveries import Delivery, Failures
from kernel.messaging.events import Record
from kernel.messaging.options import Options
from kernel.storage.database import Connection, transaction
from kernel.telemetry import logger
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, failures, record, user_event

type Make = Callable[..., Consumer[UserEvent]]

NOTHING_FAILED = failures()
BY_USER: dict[str, Exception] = {
    "busy": UnavailableError("an outside system answers 503"),
    "refused": ConflictError("the outside system will never do it"),
    "foreign": NotOursError("nobody there knows it"),
}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUMER_GROUP", "group-of-the-test")
    monkeypatch.setenv("DEAD_LETTER_TOPIC", "events-dlq")


@pytest.fixture(params=["batch", "each"])
def make(request: pytest.FixtureRequest) -> Make:
    """Make a consumer of the activity domain, in both styles, which stores events."""

    def of_options(**options: Any) -> Consumer[UserEvent]:  # noqa: ANN401 - passed on
        if request.param == "batch":
            made = consumer.batch(UserEvent, **options)(store.add_many)
        else:
            made = consumer.each(UserEvent, **options)(lambda connection, event: store.add_many(connection, [event]))
        return replace(made, domain="activity")

    return of_options


def judge(delivered: Sequence[Delivery[UserEvent]], _context: object) -> Failures:
    """Fail the events of some users."""
    return {each.id: BY_USER[each.event.user_id] for each in delivered if each.event.user_id in BY_USER}


def of_users(*users: str) -> dict[str, Any]:
    return batch(*(record(user_event(userId=user), offset) for offset, user in enumerate(users)))


def users(activity: Database) -> list[str]:
    return [user for (user,) in activity.rows("SELECT user_id FROM events ORDER BY id")]


def dead_errors(activity: Database) -> list[str]:
    letters = activity.rows("SELECT headers FROM outbox WHERE topic = 'events-dlq' ORDER BY id")
    return [dict(headers)["dlq_error_class"] for (headers,) in letters]


def test_what_failed_before_is_told_apart_as_ever(make: Make, activity: Database, context: Context) -> None:
    """Permanent: dead-lettered, and the rest goes on. Another service's: skipped. Transient: the partition waits."""
    delivered = of_users("ada", "refused", "foreign", "bob", "busy", "cleo")
    handler = make(before=judge)

    assert [handler(delivered, context) for _ in range(2)] == [failures((0, 4), (0, 5))] * 2
    assert sorted(users(activity)) == ["ada", "bob"]
    assert dead_errors(activity) == ["ConflictError"]


def test_an_event_that_was_applied_is_no_failure_again(make: Make, activity: Database, context: Context) -> None:
    """The phase before sees it once more, but what is in the inbox holds up nobody."""
    delivered = of_users("busy")
    assert make()(delivered, context) == NOTHING_FAILED
    assert make(before=judge)(delivered, context) == NOTHING_FAILED
    assert users(activity) == ["busy"]


def test_runs_before_the_transaction(make: Make, activity: Database, context: Context) -> None:
    """What it writes in transactions of its own is committed, also when the events are not applied."""

    def prepare(delivered: Sequence[Delivery[UserEvent]], _context: object) -> Failures:
        with transaction("activity") as connection:
            assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (0,)
            store.add_many(connection, [each.event for each in delivered])
        return {each.id: UnavailableError("not yet") for each in delivered}

    assert make(before=prepare)(of_users("ada"), context) == failures((0, 0))
    assert (users(activity), activity.rows("SELECT * FROM inbox")) == (["ada"], [])


def test_a_transient_error_of_the_phase_is_every_events(make: Make, activity: Database, context: Context) -> None:
    """As when its database is down: it is called once, and everything is returned."""
    calls: list[int] = []

    def fail(delivered: Sequence[Delivery[UserEvent]], _context: object) -> Failures:
        calls.append(len(delivered))
        raise UnavailableError("down")

    assert make(before=fail)(of_users("ada", "bob"), context) == failures((0, 0), (0, 1))
    assert (calls, users(activity)) == ([2], [])


def test_finds_the_event_that_the_phase_dies_of(make: Make, activity: Database, context: Context) -> None:
    """A bug is isolated: the phase is repeated for each event alone, and only that one is dead-lettered."""

    def stumble(delivered: Sequence[Delivery[UserEvent]], _context: object) -> Failures:
        if any(each.event.user_id == "odd" for each in delivered):
            raise ZeroDivisionError
        return {}

    assert make(before=stumble)(of_users("ada", "odd", "bob"), context) == NOTHING_FAILED
    assert sorted(users(activity)) == ["ada", "bob"]
    assert dead_errors(activity) == ["ZeroDivisionError"]


def test_a_failure_of_an_unknown_event_is_a_bug(make: Make, activity: Database, context: Context) -> None:
    """Else its event would be taken for done."""

    def confuse(_delivered: Sequence[Delivery[UserEvent]], _context: object) -> Failures:
        return {uuid4(): UnavailableError("keyed by something else")}

    assert make(before=confuse)(of_users("ada"), context) == NOTHING_FAILED
    assert (users(activity), dead_errors(activity)) == ([], ["LookupError"])


def test_without_time_the_phase_is_not_begun(make: Make, activity: Database) -> None:
    def never(_delivered: Sequence[Delivery[UserEvent]], _context: object) -> Failures:
        raise AssertionError

    assert make(before=never)(of_users("ada"), Context(milliseconds=0)) == failures((0, 0))
    assert dead_errors(activity) == []


def test_runs_after_the_commit(make: Make, activity: Database, context: Context) -> None:
    """It sees what was committed, and the invocation's context."""
    seen: list[object] = []

    def look(own: object) -> None:
        seen.extend([own, users(activity)])

    assert make(after=look)(of_users("ada"), context) == NOTHING_FAILED
    assert seen == [context, ["ada"]]


def test_does_not_run_after_what_was_not_committed(
    make: Make, activity: Database, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a database everything is returned, and nothing follows."""
    monkeypatch.setenv("DATABASE_URL_ACTIVITY", "postgresql://nobody@127.0.0.1:1/nothing")
    seen: list[object] = []

    assert make(after=seen.append)(of_users("ada"), context) == failures((0, 0))
    assert seen == []


def test_an_error_after_the_commit_returns_nothing(
    make: Make,
    activity: Database,
    context: Context,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The records are applied. The error is logged and counted."""
    assert make(after=lambda _: 1 // 0)(of_users("ada"), context) == NOTHING_FAILED
    assert users(activity) == ["ada"]
    assert "ZeroDivisionError" in caplog.text
    assert '"after_failures":[1.0]' in capsys.readouterr().out


def test_parses_and_decodes_each_record_once(
    make: Make, activity: Database, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the batch is repeated record by record, because the phase before failed one of them."""
    counts = {"parsed": 0, "decoded": 0}
    parse, read = events.parse, events.Reader.read

    def count_parse(payload: dict[str, Any]) -> Record:
        counts["parsed"] += 1
        return parse(payload)

    def count_read(reader: events.Reader[UserEvent], each: Record) -> tuple[UUID, UserEvent] | None:
        counts["decoded"] += 1
        return read(reader, each)

    monkeypatch.setattr(events, "parse", count_parse)
    monkeypatch.setattr(events.Reader, "read", count_read)
    assert make(before=judge)(of_users("ada", "refused", "bob", "busy"), context) == failures((0, 3))
    assert counts == {"parsed": 4, "decoded": 4}


def test_a_replay_to_a_new_generation_applies_known_events_again(
    make: Make, activity: Database, context: Context
) -> None:
    """A projection is rebuilt so, once however often it is replayed; what the first generation knew stays known."""
    projection, first, second = of_users("ada", "bob"), make(), make(generation=2)
    assert first(projection, context) == NOTHING_FAILED
    with activity.connect() as connection:
        connection.execute("TRUNCATE events")

    assert first(projection, context) == NOTHING_FAILED
    assert users(activity) == []
    assert [second(projection, context) for _ in range(2)] == [NOTHING_FAILED] * 2
    assert sorted(users(activity)) == ["ada", "bob"]
    rows = activity.rows("SELECT consumer, count(*) FROM inbox GROUP BY consumer ORDER BY consumer")
    assert rows == [("group-of-the-test", 2), ("group-of-the-test#2", 2)]


def test_each_generation_dead_letters_for_itself(make: Make, activity: Database, context: Context) -> None:
    """A letter's id tells repeats from new failures; the group keeps its name."""
    for generation in (1, 2, 2):
        make(generation=generation)(batch(record(b"junk", 5)), context)
    letters = [dict(headers) for (headers,) in activity.rows("SELECT headers FROM outbox ORDER BY id")]
    assert len({each["dlq_id"] for each in letters}) == len(letters) == 2
    assert {each["dlq_consumer"] for each in letters} == {"group-of-the-test"}


@pytest.mark.parametrize("generation", [0, -1])
def test_refuses_a_generation_before_the_first(make: Make, generation: int) -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        make(generation=generation)


class TestRecords:
    """Consumers of undecoded records."""

    @pytest.fixture
    def kept(self) -> list[Record]:
        return []

    @pytest.fixture
    def archive(self, kept: list[Record]) -> Callable[..., Consumer[Record]]:
        """Make a consumer that keeps every record."""

        def make(**options: Any) -> Consumer[Record]:  # noqa: ANN401 - passed on
            def keep(_connection: Connection, several: list[Record]) -> None:
                if any(each.value == b"poison" for each in several):
                    raise ConflictError("the archive refuses it")
                if any(each.value == b"busy" for each in several):
                    raise UnavailableError("the archive answers 503")
                kept.extend(several)

            return replace(consumer.records(**options)(keep), domain="activity")

        return make

    def test_takes_whatever_is_in_a_record(
        self, archive: Callable[..., Consumer[Record]], kept: list[Record], activity: Database, context: Context
    ) -> None:
        """Junk, nothing, types of any contract: byte by byte, with keys and headers, once however often delivered."""
        own = [("trace", b"one"), ("trace", b"\x00\xff")]
        delivered = batch(
            record(b"not JSON", 0, headers=own),
            record(None, 1, key=None),
            record(user_event(), 0, partition=1, key=b"\xfe"),
        )
        handler = archive()
        assert [handler(delivered, context) for _ in range(2)] == [NOTHING_FAILED] * 2
        assert [(each.partition, each.offset, each.key) for each in kept] == [
            (0, 0, b"key"),
            (0, 1, None),
            (1, 0, b"\xfe"),
        ]
        assert [each.value for each in kept[:2]] == [b"not JSON", None]
        assert kept[0].headers() == own

    def test_returns_and_dead_letters_as_the_others(
        self, archive: Callable[..., Consumer[Record]], kept: list[Record], activity: Database, context: Context
    ) -> None:
        """A partition waits for what may succeed later; what never will is isolated."""
        values = {0: [b"a", b"poison", b"b"], 1: [b"c", b"busy", b"d"]}
        delivered = batch(*(record(v, n, partition=p) for p, several in values.items() for n, v in enumerate(several)))
        assert archive()(delivered, context) == failures((1, 1), (1, 2))
        assert [each.value for each in kept] == [b"a", b"b", b"c"]
        assert dead_errors(activity) == ["ConflictError"]

    def test_stops_before_the_deadline(
        self, archive: Callable[..., Consumer[Record]], kept: list[Record], activity: Database
    ) -> None:
        assert archive()(batch(record(b"a", 3)), Context(milliseconds=0)) == failures((0, 3))
        assert kept == []

    def test_has_phases(
        self, archive: Callable[..., Consumer[Record]], kept: list[Record], activity: Database, context: Context
    ) -> None:
        """An archive writes to S3 before, outside of the transaction, and fails single records."""
        order: list[str] = []

        def upload(delivered: Sequence[Delivery[Record]], _context: object) -> Failures:
            order.append("before")
            return {each.id: UnavailableError("503") for each in delivered if each.event.value == b"late"}

        handler = archive(before=upload, after=lambda _: order.append("after"))
        assert handler(batch(record(b"a", 0), record(b"late", 1)), context) == failures((0, 1))
        assert ([each.value for each in kept], order) == ([b"a"], ["before", "after"])

    def test_has_the_names_of_the_batchs_topic(
        self, archive: Callable[..., Consumer[Record]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One function may have a mapping for each topic."""
        for name in ("CONSUMER_GROUP", "DEAD_LETTER_TOPIC", "TOPIC"):
            monkeypatch.delenv(name, raising=False)
        names = archive().names("order-events")
        assert (names.topic, names.group) == ("order-events", "activity-order-events")
        assert names.dead_letter_topic == "order-events-activity-dlq"
        with pytest.raises(ValueError, match="name one"):
            archive().names()

    def test_logs_their_types_where_events_are_logged(
        self,
        archive: Callable[..., Consumer[Record]],
        activity: Database,
        context: Context,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The header's, if there is one."""
        monkeypatch.setenv("EVENT_LOG_LEVEL", "INFO")
        monkeypatch.setattr(logger.registered_handler, "stream", written := StringIO())
        archive()(batch(record(b"x", 0, headers=[("ce_type", b"OrderPaid")]), record(b"y", 1)), context)
        lines = [msgspec.json.decode(line) for line in written.getvalue().splitlines() if "event applied" in line]
        assert [line["eventType"] for line in lines] == ["OrderPaid", "record"]


def test_options_are_the_consumers_own_fields() -> None:
    """What a decorator takes is what the value can be asked for."""
    assert Options.__annotations__.keys() <= set(Consumer.__dataclass_fields__)
