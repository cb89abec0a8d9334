"""A projection is rebuilt beside the live one, compared, and swapped, and no event is lost or applied twice."""

import gzip
import itertools
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.contracts.catalog import ProductDeleted
from kernel.errors import ConflictError, NotFoundError, UnprocessableError
from kernel.messaging import archived_log, envelope, events, shadow, shadow_application
from kernel.messaging.log_record import LogRecord
from kernel.messaging.topic_log import TopicLog
from operations import archive_files
from operations.archive_files import File
from tests.kernel import tallies
from tests.kit import topics
from tests.kit.aws import Aws
from tests.kit.databases import Database
from tests.kit.domains import database_fixture, set_consumer
from tests.kit.projections import Stream
from tests.kit.servers import wait_until

orders = database_fixture("orders", redis=False)


@pytest.fixture
def stream(orders: Database, kafka: str, monkeypatch: pytest.MonkeyPatch) -> Stream:
    """A topic of three partitions, whose consumer keeps the tallies."""
    topic = topics.create(kafka, partitions=3)
    set_consumer(monkeypatch, "orders", topic)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    monkeypatch.setenv("DATABASE_URL_ORDERS_OWNER", orders.url("owner"))
    tallies.create(orders)
    return Stream(kafka, topic)


def gone(product: UUID | None = None, version: int = 1) -> ProductDeleted:
    return ProductDeleted(product_id=product or uuid4(), version=version)


def damage(database: Database, statement: str) -> None:
    with database.connect() as owner:
        owner.execute(statement.encode())


def test_a_damaged_projection_is_mended(orders: Database, stream: Stream) -> None:
    """Rows that are missing, wrong or of nothing: after the swap the tables are what the events make of them."""
    stream.publish(*(gone() for _ in range(30)))
    stream.consume(tallies.CONSUMER)
    before = tallies.rows(orders)
    damage(orders, "DELETE FROM tallies WHERE product IN (SELECT product FROM tallies LIMIT 3)")
    damage(orders, "UPDATE tallies SET versions = 9 WHERE product IN (SELECT product FROM tallies LIMIT 2)")
    damage(orders, "INSERT INTO tallies VALUES (gen_random_uuid(), 1, 1)")

    assert tallies.built()["events"] == {"applied": 30}
    assert tallies.rows(orders) != before
    assert tallies.run("swap")["count"] == 6
    swapped = tallies.run("swap", execute=True, expect=6)

    assert (swapped["state"], swapped["applied_ahead"]) == ("swapped", 0)
    assert tallies.rows(orders) == before
    assert orders.rows("SELECT to_regnamespace('rebuild')") == [(None,)]


def test_the_tables_keep_their_definitions(orders: Database, stream: Stream) -> None:
    """Columns, checks, names of indexes, and what each role may do."""
    query: Any = """
        SELECT relname, relkind::text, relacl::text, pg_get_indexdef(pg_class.oid), relowner::regrole::text
        FROM pg_class WHERE relname LIKE 'tallies%%' AND relnamespace = 'public'::regnamespace ORDER BY relname
    """
    checks: Any = (
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'tallies'::regclass ORDER BY 1"
    )
    before = [orders.rows(query), orders.rows(checks)]
    stream.publish(gone())

    tallies.built()
    tallies.run("swap", execute=True)

    assert [orders.rows(query), orders.rows(checks)] == before


def test_without_execute_only_the_plan_is_told(orders: Database, stream: Stream) -> None:
    """What is counted is what `--expect` must say."""
    stream.publish(gone(), gone())

    plan = tallies.run("build")
    assert (plan["count"], plan["tables"], plan["goes_on"]) == (2, ["tallies"], False)
    with pytest.raises(ConflictError, match="counts 2 now, not 3"):
        tallies.run("build", execute=True, expect=3, until=datetime.fromisoformat(plan["until"]))
    assert tallies.run("status") == {"rebuild": None}
    tallies.built()
    assert tallies.run("status")["rebuild"]["unread"] == 0
    assert tallies.run("discard")["count"] == 2
    with pytest.raises(ConflictError, match="counts 2 now, not 5"):
        tallies.run("swap", execute=True, expect=5)
    assert tallies.run("discard", execute=True, expect=2)["state"] == "discarded"
    for action in ("compare", "swap", "discard"):
        with pytest.raises(NotFoundError, match="There is no rebuild"):
            tallies.run(action)
    assert tallies.rows(orders) == []


def delete_beginning(stream: Stream) -> dict[int, list[LogRecord]]:
    """Delete what the topic has, as retention does. Returns it, by partition."""
    with TopicLog() as log:
        found = {
            number: list(log.read_all(stream.topic, {number: each}))
            for number, each in log.ranges(stream.topic).items()
        }
    places = [TopicPartition(stream.topic, number, len(records)) for number, records in found.items()]
    admin = AdminClient({"bootstrap.servers": stream.bootstrap})
    for answer in admin.delete_records(places).values():
        answer.result(30)
    return found


@pytest.fixture
def bucket(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ARCHIVE_BUCKET", "archive")
    aws.client("s3").create_bucket(Bucket="archive")
    return "archive"


def archive(aws: Aws, bucket: str, records: list[LogRecord]) -> None:
    """Archive the records in files of 10 offsets, as `operations.archive_events` does."""
    for several in itertools.batched(records, 10, strict=False):
        first, last = several[0], several[-1]
        body = gzip.compress(b"".join(envelope.encode(each) + b"\n" for each in several))
        about = {"first-offset": str(first.offset), "next-offset": str(last.offset + 1)}
        key = File.at(first.topic, first.partition, first.offset).key
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body, Metadata=about)


def test_what_the_topic_no_longer_has_is_read_from_its_archive(
    orders: Database, stream: Stream, aws: Aws, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before what it still has, in the order of the offsets."""
    monkeypatch.setattr(archived_log, "FILE_OFFSETS", 10)
    monkeypatch.setattr(archive_files, "FILE_OFFSETS", 10)
    products = [uuid4() for _ in range(7)]
    stream.publish(*(gone(products[number % 7], version=number + 1) for number in range(90)))
    stream.consume(tallies.CONSUMER)
    for records in delete_beginning(stream).values():
        archive(aws, bucket, records)
    stream.publish(*map(gone, products))
    stream.consume(tallies.CONSUMER)

    assert tallies.run("build")["count"] == 97
    assert tallies.built()["events"] == {"applied": 97}
    assert tallies.run("compare")["count"] == 0
    assert tallies.run("swap", execute=True, expect=0)["state"] == "swapped"
    assert sum(events for _, events, _ in tallies.rows(orders)) == 97


@pytest.mark.usefixtures("bucket")
def test_a_beginning_that_nobody_has_is_refused(stream: Stream) -> None:
    """Tables that are made of the rest would lack what was told before."""
    stream.publish(*(gone() for _ in range(30)))
    delete_beginning(stream)

    with pytest.raises(ConflictError, match=r"offset 0 is neither on the topic nor in its archive"):
        tallies.run("build")


def test_files_are_named_and_cut_as_the_archive_does_it() -> None:
    """Domains cannot import operations, so the rule is there twice."""
    assert archived_log.FILE_OFFSETS == archive_files.FILE_OFFSETS
    for offset in (0, 9_999, 10_000, 12_345_678_901):
        assert archived_log.key_of("topic-events", 3, offset) == File.at("topic-events", 3, offset).key


def test_the_comparison_finds_each_kind_of_difference(orders: Database, stream: Stream) -> None:
    """By key, never by content: rows that only one has, rows that differ, and how many are equal."""
    products = sorted(uuid4() for _ in range(9))
    stream.publish(*map(gone, products))
    stream.consume(tallies.CONSUMER)
    tallies.built()
    assert tallies.run("compare")["count"] == 0
    with orders.connect() as owner:
        owner.execute("DELETE FROM tallies WHERE product = %s", (products[0],))
        owner.execute("UPDATE tallies SET events = 5 WHERE product = %s", (products[1],))
        owner.execute("UPDATE tallies SET versions = NULL WHERE product = %s", (products[2],))
        owner.execute("DELETE FROM rebuild.tallies WHERE product = %s", (products[3],))

    found = tallies.run("compare")

    table = found["tables"]["tallies"]
    assert (found["count"], table.equal) == (4, 5)
    assert (table.only_rebuilt.rows, table.only_rebuilt.examples) == (1, [str(products[0])])
    assert (table.only_live.rows, table.only_live.examples) == (1, [str(products[3])])
    assert (table.different.rows, table.different.examples) == (2, [str(products[1]), str(products[2])])
    assert (found["applied_only_live"], found["applied_only_rebuilt"]) == (0, 0)


def test_a_consumer_that_is_behind_applies_nothing_twice(orders: Database, stream: Stream) -> None:
    """What the rebuild alone had applied counts as applied after the swap."""
    products = [uuid4() for _ in range(40)]
    stream.publish(*map(gone, products))
    stream.consume(tallies.CONSUMER, most=15)
    tallies.built()
    found = tallies.run("compare")
    assert (found["count"], found["applied_only_rebuilt"]) == (25, 25)

    assert tallies.run("swap", execute=True)["applied_ahead"] == 25
    stream.consume(tallies.CONSUMER)

    assert tallies.rows(orders) == [(str(product), 1, 1) for product in sorted(products, key=str)]


def test_a_record_that_is_refused_is_refused_here_as_well(orders: Database, stream: Stream) -> None:
    """Its dead letter is the live consumer's: the rebuild adds none to the outbox."""
    bad, known = gone(version=tallies.REFUSED), uuid4()
    stream.publish(gone(known), bad, gone(known))
    stream.consume(tallies.CONSUMER)

    assert tallies.built()["events"] == {"applied": 2, "dead_lettered": 1}
    assert tallies.run("compare")["applied_only_live"] == 0
    tallies.run("swap", execute=True, expect=0)

    assert tallies.rows(orders) == [(str(known), 2, 2)]
    assert len(orders.rows("SELECT FROM outbox")) == 1


def test_an_event_that_was_applied_off_the_topic_is_not_lost(orders: Database, stream: Stream) -> None:
    """The swap is refused: the rebuild has nothing of it."""
    stream.publish(gone())
    stream.consume(tallies.CONSUMER)
    tallies.built()
    with orders.connect() as owner:
        owner.execute("INSERT INTO inbox SELECT consumer, gen_random_uuid() FROM inbox LIMIT 1")

    with pytest.raises(ConflictError, match="has applied 1 events that the rebuild has not"):
        tallies.run("swap", execute=True)

    assert tallies.run("status")["rebuild"] is not None


def test_a_migration_meanwhile_is_not_undone(orders: Database, stream: Stream) -> None:
    """The shadow has the definitions of before: the swap is refused."""
    stream.publish(gone())
    tallies.built()
    with orders.connect() as owner:
        owner.execute("INSERT INTO migrations (name, checksum) VALUES ('orders/9999_more.sql', '')")
        owner.execute("ALTER TABLE tallies ADD COLUMN more text")

    with pytest.raises(ConflictError, match="A migration was applied since the rebuild began"):
        tallies.run("swap", execute=True)

    assert orders.rows("SELECT more FROM tallies") == []


@pytest.mark.parametrize("table", ["products_of_view", "keyless", "referring"])
def test_a_table_that_others_depend_on_is_refused(orders: Database, stream: Stream, table: str) -> None:
    """They would keep the former table, or break."""
    with orders.connect() as owner:
        owner.execute("CREATE TABLE products_of_view (id int PRIMARY KEY); CREATE VIEW seen AS TABLE products_of_view")
        owner.execute("CREATE TABLE keyless (id int); CREATE TABLE referring (id uuid PRIMARY KEY REFERENCES tallies)")
    assert stream.topic

    with (
        pytest.raises(UnprocessableError, match=f"{table} cannot be swapped"),
        orders.connect() as owner,
        owner.transaction(),
    ):
        shadow.create(owner, "orders_app", "scope", [table])


def test_nothing_is_lost_or_doubled_under_load(
    orders: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events are published and applied during two rebuilds and their swaps; readers always find the table."""
    monkeypatch.setattr(shadow_application, "CHUNK", 100)
    products = [uuid4() for _ in range(20)]
    told: Counter[str] = Counter()
    stop, read = threading.Event(), []

    def publish() -> None:
        while not stop.wait(0.02):
            several = random.choices(products, k=20)  # noqa: S311 - no secret
            encoded = [events.encode(gone(each)) for each in several]
            # Each fifth record is there twice, as after a crash of the relay.
            stream.send(*encoded, *encoded[::5])
            told.update(map(str, several))

    def look() -> None:
        while not stop.is_set():
            with orders.connect("app") as app:
                read.append(app.execute("SELECT count(*) FROM tallies").fetchone())

    with ThreadPoolExecutor(2) as pool, stream.followed(tallies.CONSUMER):
        working = [pool.submit(publish), pool.submit(look)]
        try:
            for _ in range(2):
                wait_until(lambda: len(tallies.rows(orders)) == 20, seconds=60, what="all products")
                tallies.built()
                assert tallies.run("swap", execute=True)["state"] == "swapped"
        finally:
            stop.set()
        for each in working:
            each.result(60)

    assert {product: count for product, count, _ in tallies.rows(orders)} == told
    assert read


STORY = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(("once", "twice", "bad", "unread", "junk"))), max_size=40)


@given(story=STORY)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_rebuilt_projection_is_the_fold_of_its_topic(
    orders: Database, stream: Stream, story: list[tuple[int, str]]
) -> None:
    """Whatever is on the topic, repeated, refused, of another type or no event at all, and however far the consumer is."""
    products = [uuid4() for _ in range(5)]
    fold: Counter[str] = Counter(str(each) for (each,) in _listed(orders))
    for number, kind in story:
        key, value, headers = events.encode(gone(products[number], tallies.REFUSED if kind == "bad" else 1))
        if kind == "unread":
            headers = [(name, b"another" if name == "ce_type" else content) for name, content in headers]
        stream.send((key, b"junk" if kind == "junk" else value, headers))
        if kind == "twice":
            stream.send((key, value, headers))
        fold[str(products[number])] += kind in {"once", "twice"}
    stream.consume(tallies.CONSUMER, most=len(story) // 2)

    tallies.built()
    tallies.run("swap", execute=True)
    stream.consume(tallies.CONSUMER)

    assert {product: count for product, count, _ in tallies.rows(orders)} == {
        product: count for product, count in fold.items() if count
    }


def _listed(orders: Database) -> list[tuple[Any, ...]]:
    """Return each product as often as earlier examples have told of it."""
    return orders.rows("SELECT product FROM tallies, generate_series(1, events)")


def test_who_is_forgotten_meanwhile_stays_forgotten(
    orders: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shadow had rows about them before: the swap deletes these, and the guard of the live table holds here too."""
    person, other = uuid4(), uuid4()
    with orders.connect() as owner:
        owner.execute("SELECT guard('tallies', 'product')")
        owner.execute(
            """
            CREATE OR REPLACE FUNCTION forget_people(people uuid[], most integer) RETURNS bigint
            LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
                WITH gone AS (DELETE FROM tallies WHERE product = ANY(people) RETURNING 1) SELECT count(*) FROM gone
            $$
            """
        )
    stream.publish(gone(person), gone(other))
    stream.consume(tallies.CONSUMER)
    tallies.built()
    with orders.connect("app") as app:
        app.execute("SELECT bury(%s)", ([person],))
        app.execute("SELECT forget_people(%s, 10)", ([person],))
    stream.publish(gone(person, version=2))

    tallies.run("swap", execute=True)
    stream.consume(tallies.CONSUMER)

    assert tallies.rows(orders) == [(str(other), 1, 1)]
