"""The keys that wait for a dead letter: what is parked, what frees them, and what is refused."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from kernel.contracts.blogs import BlogPublished, BlogUpdated
from kernel.contracts.event import MalformedError
from kernel.messaging import consumer, events, parked_keys
from kernel.messaging.events import Reader
from kernel.storage.database import Connection
from tests.kernel import ordered
from tests.kernel.ordered import GROUP, Shop
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, failures, record
from tests.kit.redriving import redriven
from tests.kit.servers import wait_until

A, B = b"a", b"b"


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUMER_GROUP", GROUP)
    monkeypatch.setenv("DEAD_LETTER_TOPIC", "events-dlq")


@pytest.fixture
def shop(activity: Database) -> Iterator[Shop]:
    with ordered.opened(activity) as opened:
        yield opened


def test_later_records_of_a_key_follow_its_dead_letter(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """To the dead-letter topic, in their order, each with the head's place as its reason. Other keys go on."""
    first, *later = shop.produce(A, poison=True), shop.produce(A), shop.produce(B), shop.produce(A)
    shop.deliver()

    assert shop.applied(A) == []
    assert shop.applied(B) == [later[1]]
    letters = shop.letters()
    assert [letter.place for letter in letters] == [(0, first), (0, later[0]), (0, later[2])]
    assert [letter.text("dlq_error_class") for letter in letters] == [
        "ConflictError",
        "KeyParkedError",
        "KeyParkedError",
    ]
    assert [letter.text("dlq_attempts") for letter in letters] == ["1", "0", "0"]
    assert "partition 0, offset 0 of events" in str(letters[1].text("dlq_error_message"))
    assert letters[1].text("dlq_fingerprint") == letters[2].text("dlq_fingerprint")
    printed = capsys.readouterr().out
    assert '"parked":[2.0]' in printed
    assert '"dead_lettered":[1.0]' in printed


def test_parked_records_do_not_open_the_breaker(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """They did not fail."""
    monkeypatch.setenv("BREAKER_THRESHOLD", "2")
    shop.produce(A, poison=True)
    for _ in range(5):
        shop.produce(A)
    shop.deliver()

    assert len(shop.letters()) == 6
    assert shop.owner.execute("SELECT failures FROM breakers").fetchall() == [(1,)]


def test_a_redrive_in_order_frees_the_key(shop: Shop) -> None:
    """Each one applied makes the next one the head; what arrives afterwards is applied at once."""
    numbers = [shop.produce(A, poison=True), shop.produce(A), shop.produce(A)]
    shop.deliver()
    shop.poison.clear()
    for letter in shop.letters():
        shop.redrive(letter)
    shop.deliver()
    last = shop.produce(A)
    shop.deliver()

    assert shop.applied(A) == [*numbers, last]
    assert shop.parked(A) == []


def test_what_is_redriven_out_of_order_is_parked_again(shop: Shop) -> None:
    """Without being tried, and with one row still."""
    numbers = [shop.produce(A, poison=True), shop.produce(A), shop.produce(A)]
    shop.deliver()
    shop.poison.clear()
    for number in reversed(numbers):
        shop.redrive_number(number)
    shop.deliver()

    assert shop.applied(A) == numbers[:1]
    assert shop.parked(A) == numbers[1:]
    again = shop.letters()[3:]
    assert [letter.place for letter in again] == [(0, numbers[2]), (0, numbers[1])]
    assert {letter.text("redrive_count") for letter in again} == {"1"}


def test_a_head_that_fails_again_stays_the_head(shop: Shop) -> None:
    """It is a dead letter again, with one row still, and its first place."""
    numbers = [shop.produce(A, poison=True), shop.produce(A)]
    shop.deliver()
    for _ in range(2):
        shop.redrive_number(numbers[0])
        shop.deliver()

    assert shop.parked(A) == numbers
    assert [letter.text("dlq_attempts") for letter in shop.letters() if letter.place == (0, numbers[0])] == [
        "1",
        "2",
        "3",
    ]


@pytest.mark.parametrize("has_id", [True, False], ids=["with an id", "without an id"])
def test_a_head_that_is_redriven_twice_is_applied_once(shop: Shop, *, has_id: bool) -> None:
    """Also if the second copy arrives while later records of its key wait, and after a failure in between."""
    numbers = [shop.produce(A, poison=True, has_id=has_id), shop.produce(A, has_id=has_id)]
    shop.deliver()
    shop.redrive_number(numbers[0])
    shop.deliver()
    shop.poison.clear()
    for letter in shop.letters():
        shop.redrive(letter)
    shop.deliver()

    assert shop.applied(A) == numbers
    assert shop.parked(A) == []


def test_a_repeated_delivery_changes_nothing(shop: Shop) -> None:
    """No second row, no second letter, also of what was applied before the dead letter."""
    numbers = [shop.produce(A), shop.produce(A, poison=True), shop.produce(A)]
    for _ in range(3):
        shop.delivered = 0
        shop.deliver()

    assert shop.applied(A) == numbers[:1]
    assert shop.parked(A) == numbers[1:]
    assert len(shop.letters()) == 2


def test_discarding_the_head_makes_the_next_one_the_head(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """What was discarded is never applied, also if it was on its way already."""
    numbers = [shop.produce(A, poison=True), shop.produce(A), shop.produce(A)]
    shop.deliver()
    shop.redrive_number(numbers[0])
    shop.poison.clear()
    shop.discard(A, numbers[0])
    shop.redrive_number(numbers[1])
    shop.deliver()

    assert shop.applied(A) == numbers[1:2]
    assert shop.parked(A) == numbers[2:]
    assert '"discarded":[1.0]' in capsys.readouterr().out


def test_discarding_the_last_one_frees_the_key(shop: Shop) -> None:
    number = shop.produce(A, poison=True)
    shop.deliver()
    shop.discard(A, number)
    later = shop.produce(A)
    shop.delivered = 0
    shop.deliver()

    assert shop.applied(A) == [later]


@pytest.mark.parametrize(("key", "number"), [(A, 1), (B, 0)])
def test_only_what_waits_can_be_discarded(key: bytes, number: int, shop: Shop) -> None:
    """The refusal names it, and nothing is changed. Nor can it be discarded twice."""
    shop.produce(A, poison=True)
    shop.deliver()
    with pytest.raises(psycopg.Error, match=rf"not parked: partition 0 offset {number}") as refused:
        shop.discard(key, number)
    assert refused.value.sqlstate == "MR409"
    assert shop.parked(A) == [0]

    shop.discard(A, 0)
    with pytest.raises(psycopg.Error, match="not parked"):
        shop.discard(A, 0)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("app", "SELECT discard_parked('g', 'a', 0, 0)"),
        ("ro", "SELECT discard_parked('g', 'a', 0, 0)"),
        ("app", "UPDATE parked_records SET discarded_at = now()"),
        ("relay", "DELETE FROM parked_records"),
        ("ro", "SELECT * FROM lock_parked_keys('g', '{0}', '{}')"),
    ],
)
def test_each_role_may_do_its_part(role: str, statement: str, activity: Database) -> None:
    """The relay's connection, by which operators act, discards; the application parks and releases."""
    with activity.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


def test_the_relay_discards_and_reads(shop: Shop, activity: Database) -> None:
    shop.produce(A, poison=True)
    shop.deliver()
    with activity.connect("relay") as connection:
        [row] = connection.execute("SELECT scope, key, record_partition, record_offset FROM parked_records").fetchall()
        connection.execute("SELECT discard_parked(%s, %s, %s, %s)", row)

    assert row == (GROUP, A, 0, 0)
    assert shop.parked(A) == []


def test_a_record_without_a_key_is_dead_lettered_alone(shop: Shop) -> None:
    """It has no order to be kept."""
    _, good = shop.produce(None, poison=True), shop.produce(None)
    shop.deliver()

    assert shop.applied(None) == [good]
    assert len(shop.letters()) == 1
    assert shop.owner.execute("SELECT count(*) FROM parked_records").fetchall() == [(0,)]


@pytest.mark.parametrize("key", [b"", b"\x00\xff", b"k" * 100_000], ids=["empty", "binary", "long"])
def test_any_bytes_are_a_key(key: bytes, shop: Shop) -> None:
    shop.produce(key, poison=True)
    later = shop.produce(key)
    shop.deliver()

    assert shop.applied(key) == []
    assert shop.parked(key) == [0, later]


def test_two_environments_do_not_apply_what_the_other_has_parked(shop: Shop, activity: Database) -> None:
    """A partition that moves is for a moment with both. The second waits for the first, and sees what it parked."""
    shop.produce(A)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with activity.connect("app") as other:
        with other.transaction():
            other.execute("SELECT * FROM lock_parked_keys(%s, '{0}', '{}')", (GROUP,))
            thread = threading.Thread(target=shop.deliver)
            thread.start()
            wait_until(lambda: shop.owner.execute(waiting).fetchall() == [(1,)])
            other.execute(
                """
                INSERT INTO parked_records (scope, key_hash, record_partition, record_offset, key)
                VALUES (%s, sha256('a'), 0, -1, 'a')
                """,
                (GROUP,),
            )
        thread.join()

    assert shop.applied(A) == []
    assert shop.parked(A) == [-1, 0]


def test_a_database_that_fails_parks_nothing_by_half(shop: Shop, activity: Database) -> None:
    """The rows, the letters and the inbox are one transaction: what is lost is returned, and parked the next time."""
    numbers = [shop.produce(A, poison=True), shop.produce(A), shop.produce(B)]
    cuts = [0]

    def apply(connection: Connection, event: BlogPublished) -> None:
        if cuts and event.title == str(numbers[2]):
            cuts.pop()
            activity.end_sessions()
        Shop.apply(shop, connection, event)

    delivered = batch(*shop.log)
    broken = ordered.of_activity(consumer.each(BlogPublished, ordered=True)(apply))
    assert broken(delivered, Context()) == failures((0, 0), (0, 1), (0, 2))
    with activity.connect() as owner:
        assert owner.execute("SELECT count(*) FROM parked_records").fetchall() == [(0,)]
        assert broken(delivered, Context()) == failures()
        assert owner.execute("SELECT record_offset FROM parked_records ORDER BY 1").fetchall() == [(0,), (1,)]
        assert owner.execute("SELECT count(*) FROM outbox").fetchall() == [(2,)]


def test_a_redriven_record_of_an_unknown_type_is_no_silent_head() -> None:
    """If it were skipped, its key would wait for ever. What is not redriven is skipped as ever."""
    read = parked_keys.refuse_unknown_types(Reader(BlogUpdated).read)
    other = b'{"type": "blog-published"}'
    headers = [("redrive_id", b"t"), ("redrive_partition", b"0"), ("redrive_offset", b"1")]

    assert read(events.parse(record(other))) is None
    with pytest.raises(MalformedError, match="discard the record"):
        read(events.parse(record(other, headers=headers)))


def test_order_is_refused_where_it_could_not_be_kept() -> None:
    """A batch is applied as a whole, and a phase before would see what is parked."""

    def before(_delivered: object, _context: object) -> dict[Any, Exception]:
        return {}

    with pytest.raises(TypeError, match=r"needs consumer\.each"):
        consumer.batch(BlogPublished, ordered=True)(lambda _connection, _events: None)
    with pytest.raises(TypeError, match=r"needs consumer\.each"):
        consumer.records(ordered=True)(lambda _connection, _records: None)
    with pytest.raises(TypeError, match="no phase before"):
        consumer.each(BlogPublished, ordered=True, before=before)(lambda _connection, _event: None)


def test_a_consumer_without_order_asks_for_no_keys(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs others nothing, and a redriven record is applied whatever is parked."""
    monkeypatch.setattr(parked_keys.ParkedKeys, "__init__", lambda *_: pytest.fail("asked for parked keys"))
    shop.produce(A, poison=True)
    shop.produce(A)
    plain = ordered.of_activity(consumer.each(BlogPublished)(shop.apply))

    assert plain(batch(*shop.log), Context()) == failures()
    shop.poison.clear()
    assert plain(batch(redriven(shop.letters()[0], 2)), Context()) == failures()
    assert shop.applied(A) == [1, 0]
