"""What is wrong in the databases, on the topics and in the archive."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from operations import consumers, report_problems
from tests.kit import copies
from tests.kit.databases import Database
from tests.kit.operations import known, run


@pytest.fixture
def notes(
    migrated: Callable[[str], Database], operations: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """The notes' database, which the operation may read, beside its own."""
    with copies.lent(migrated("notes")) as copy:
        monkeypatch.setenv("DATABASE_URL_NOTES_RO", copy.url("ro"))
        monkeypatch.setenv("DATABASE_URL_OPERATIONS_RO", operations.url("ro"))
        monkeypatch.setenv("DOMAINS", "notes,operations")
        yield copy


@pytest.fixture
def letters(topic: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The dead-letter topic of the only consumer, which reads it as well."""
    found = msgspec.structs.replace(known("notes.on_test_events", topic, "notes-test-events"), dead_letter_topic=topic)
    monkeypatch.setattr(consumers, "consumers", lambda: (found,))
    return topic


def told(name: str) -> list[dict[str, Any]]:
    return [each for each in run(report_problems.handler) if each["name"] == name]


def test_events_that_wait_and_rows_that_are_parked_are_told(notes: Database, letters: str) -> None:
    """With the relay to run and the list to look at; what waits for a moment is no problem."""
    assert letters
    assert told("outbox notes") == []
    notes.rows("""
        INSERT INTO outbox (topic, aggregate, created_at, parked_at) VALUES
            ('note-events', 'a', now() - interval '10 minutes', NULL), ('note-events', 'b', now(), now()) RETURNING id
    """)
    waiting, parked = told("outbox notes")

    assert waiting["reason"].startswith("1 events wait in its outbox, the oldest for 60")
    assert waiting["command"] == "./millrace run notes.publish_events"
    assert parked["reason"].startswith("1 rows of its outbox are parked")
    assert parked["command"] == "./millrace outbox list --domain notes"


def test_an_open_breaker_is_told_and_one_that_counts_is_not(notes: Database, letters: str) -> None:
    """By the threshold that is stored with the count."""
    assert letters
    notes.rows(
        "INSERT INTO breakers (consumer, failures, threshold) VALUES ('open', 9, 9), ('shut', 8, 9) RETURNING consumer"
    )
    [found] = told("breaker open")

    assert "open after 9 permanent failures" in found["reason"]
    assert found["command"] == "./millrace run operations.reset_breaker --consumer open"
    assert told("breaker shut") == []


def test_dead_letters_that_wait_are_counted_without_those_that_were_settled(
    notes: Database, operations: Database, letters: str, kafka: str
) -> None:
    """For each dead-letter topic, with what came in the last hour."""
    assert notes
    producer = Producer({"bootstrap.servers": kafka})
    for _ in range(3):
        producer.produce(letters, b"letter", partition=0)
    assert producer.flush(10) == 0
    operations.rows(
        """
        INSERT INTO letters (topic, partition, "offset", "timestamp", state) VALUES (%s, 0, 1, 0, 'discarded')
        RETURNING state
        """,
        letters,
    )
    [found] = told(letters)

    assert found["reason"].startswith("2 dead letters wait, 3 of them")
    assert found["command"] == f"./millrace dead-letters groups --topic {letters}"


def test_what_cannot_be_looked_at_hides_nothing_else(
    notes: Database, letters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without brokers and bucket, the databases are looked at all the same."""
    assert letters
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    notes.rows("INSERT INTO breakers (consumer, failures, threshold) VALUES ('open', 9, 9) RETURNING consumer")

    assert told("breaker open")
    assert "cannot be looked at" in told("dead letters")[0]["reason"]
    assert "cannot be looked at" in told("archive")[0]["reason"]
