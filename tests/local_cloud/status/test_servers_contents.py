"""What the status reads from Postgres and Kafka: outboxes, topics and dead letters."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest

from millrace_local.cloud import outboxes, topics
from millrace_local.cloud.outboxes import Outbox
from millrace_local.cloud.topics import DeadLetters, Topic
from millrace_local.instance import Instance
from millrace_local.servers.server import NotReadyError
from tests.kit import copies
from tests.kit import topics as kafka_topics
from tests.kit.databases import Database
from tests.kit.servers import free_instance
from tests.local_cloud.status.records import write


@pytest.fixture
def database(migrated: Callable[[str], Database]) -> Iterator[Database]:
    """A database with one published row, two that wait since 90 and 5 seconds, and one parked row."""
    with copies.lent(migrated("notes")) as copy:
        copy.rows("""
            INSERT INTO outbox (topic, aggregate, created_at, published_at, parked_at) VALUES
                ('note-events', 'a', now() - interval '1 hour', now(), NULL),
                ('note-events', 'b', now() - interval '90 seconds', NULL, NULL),
                ('note-events', 'c', now() - interval '5 seconds', NULL, NULL),
                ('note-events', 'd', now() - interval '2 hours', NULL, now())
            RETURNING id
        """)
        yield copy


def test_an_outbox_is_counted_by_what_waits_and_what_is_parked(instance: Instance, database: Database) -> None:
    """What is published is neither, and a parked row is not the oldest that waits."""
    found = outboxes.read(instance, database.name, 30)
    assert (found.domain, found.waiting, found.parked, found.problem) == (database.name, 2, 1, None)
    assert found.oldest_seconds is not None
    assert 90 <= found.oldest_seconds < 3600


def test_an_open_breaker_is_a_problem(instance: Instance, database: Database) -> None:
    """By the group of its consumer; one that still allows failures is none."""
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO breakers (consumer, failures, threshold) VALUES ('open', 5, 5), ('closed', 4, 5)"
        )

    found = outboxes.read(instance, database.name, 30)

    assert found.open_breakers == ("open",)
    assert found.problem
    assert "the breaker is open: open." in found.problem


def test_an_empty_outbox_has_no_age(instance: Instance, database: Database) -> None:
    """Its number of rows is 0, which is known."""
    database.rows("DELETE FROM outbox RETURNING id")
    assert outboxes.read(instance, database.name, 30) == Outbox(domain=database.name, waiting=0, parked=0)


def test_an_outbox_that_does_not_exist_is_unknown(instance: Instance, postgres: str) -> None:
    """The reason is one line."""
    name = f"none_{uuid4().hex[:12]}"
    with pytest.raises(psycopg.OperationalError) as refused:
        outboxes.read(instance, name, 30)
    found = outboxes.describe(name, refused.value)
    assert (found.waiting, found.oldest_seconds, found.parked) == (None, None, None)
    assert "\n" not in str(found.problem)


def test_topics_show_their_end_offsets_and_what_they_hold(instance: Instance, kafka: str) -> None:
    """Internal topics are left out, and a declared one that is missing is a problem."""
    topic = kafka_topics.create(kafka, partitions=2)
    write(kafka, topic, 3)

    found = topics.read(instance, 30)

    assert found[topic] == Topic(name=topic, partitions=2, end_offsets=(3, 0), records=3)
    assert not any(name.startswith("__") for name in found)
    shown = {each.name: each for each in topics.describe({topic: found[topic]})}
    assert shown[topic] == found[topic]
    assert "./millrace up" in str(shown["order-events"].problem)


def test_dead_letters_are_what_their_topics_hold() -> None:
    """A topic of which nothing is known has an unknown number."""
    known = Topic(name="a-dlq", partitions=1, end_offsets=(7,), records=5)
    assert topics.dead_letters((known, Topic(name="a", records=1), Topic(name="b-dlq"))) == (
        DeadLetters(topic="a-dlq", count=5),
        DeadLetters(topic="b-dlq", count=None),
    )


def test_a_kafka_that_refuses_connections_is_not_waited_for(instance: Instance) -> None:
    """The client would try again until its time limit."""
    nobody = free_instance(instance.home / "nobody")
    with pytest.raises(NotReadyError, match="Kafka does not answer"):
        topics.read(nobody, 600)
