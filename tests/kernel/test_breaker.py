"""The circuit breakers: one for a server that is down, and one count for each consumer in all environments."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from kernel.storage.breaker import Breaker, SharedBreaker
from millrace_local.instance import ROOT
from tests.kit.databases import Database

CONSUMER = Path(__file__).with_name("consumer_process.py")
THRESHOLD = 3


def failures(database: Database) -> list[tuple[str, int]]:
    return database.rows("SELECT consumer, failures FROM breakers ORDER BY consumer")


def test_a_server_is_left_alone_for_the_breakers_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """From its last failure on, or until it succeeds."""
    now = 100.0
    monkeypatch.setattr("kernel.storage.breaker.time", SimpleNamespace(monotonic=lambda: now))
    breaker = Breaker(seconds=5)
    assert not breaker.is_open
    breaker.record_failure()
    now += 4
    breaker.record_failure()
    now += 4
    assert (breaker.is_open, breaker.retry_at) == (True, 109.0)
    now += 1
    assert not breaker.is_open
    breaker.record_failure()
    breaker.record_success()
    assert not breaker.is_open


def test_counts_as_many_failures_in_a_row_as_the_threshold(activity: Database) -> None:
    """Over all transactions; another consumer has a count of its own."""
    for expected in (True, True, True, False, False):
        with activity.connect("app") as connection, connection.transaction():
            assert SharedBreaker(connection, "one", THRESHOLD).record_failure() is expected
    with activity.connect("app") as connection, connection.transaction():
        assert SharedBreaker(connection, "another", THRESHOLD).record_failure()

    assert failures(activity) == [("another", 1), ("one", 3)]


def test_a_success_resets_the_count(activity: Database) -> None:
    """Within a transaction in the order of the records, and whatever count was there before."""
    with activity.connect("app") as connection, connection.transaction():
        breaker = SharedBreaker(connection, "one", THRESHOLD)
        assert [breaker.record_failure() for _ in range(4)] == [True, True, True, False]
        breaker.record_success()
        assert breaker.record_failure()
        breaker.flush()
    assert failures(activity) == [("one", 1)]

    with activity.connect("app") as connection, connection.transaction():
        breaker = SharedBreaker(connection, "one", THRESHOLD)
        breaker.record_success()
        breaker.flush()
    assert failures(activity) == [("one", 0)]


def test_a_transaction_that_is_rolled_back_counts_nothing(activity: Database) -> None:
    """Its dead letters are gone as well."""
    with activity.connect("app") as connection, connection.transaction(force_rollback=True):
        assert SharedBreaker(connection, "one", THRESHOLD).record_failure()

    assert failures(activity) == []


def test_a_success_waits_for_nobody_while_there_is_nothing_to_reset(activity: Database) -> None:
    """A failure that is not committed yet holds the count; records of other partitions are applied meanwhile."""
    with activity.connect("app") as failing, activity.connect("app") as succeeding, failing.transaction():
        SharedBreaker(failing, "one", THRESHOLD).record_failure()
        succeeding.execute("SET lock_timeout TO 1")
        breaker = SharedBreaker(succeeding, "one", THRESHOLD)
        breaker.record_success()
        breaker.flush()

    assert failures(activity) == [("one", 1)]


def test_its_threshold_can_be_read(activity: Database) -> None:
    """It is that of the function that counted last, also if a lower one opens the breaker at once."""
    for threshold in (5, 5, 2):
        with activity.connect("app") as connection, connection.transaction():
            SharedBreaker(connection, "one", threshold).record_failure()
        with activity.connect("relay") as connection:
            [state] = connection.execute("SELECT failures >= threshold, threshold FROM breakers").fetchall()

    assert state == (True, 2)


def test_an_operator_closes_it(activity: Database) -> None:
    """On the relay's connection; the answer says how many failures there were."""

    def reset(consumer: str) -> object:
        with activity.connect("relay") as connection:
            return connection.execute("SELECT reset_breaker(%s)", (consumer,)).fetchall()

    with activity.connect("app") as connection, connection.transaction():
        breakers = [SharedBreaker(connection, name, 2) for name in ("one", "another")]
        assert [[breaker.record_failure() for _ in range(3)] for breaker in breakers] == [[True, True, False]] * 2

    assert [reset(name) for name in ("one", "one", "unknown")] == [[(2,)], [(0,)], [(None,)]]

    assert failures(activity) == [("another", 2), ("one", 0)]
    with activity.connect("app") as connection, connection.transaction():
        assert SharedBreaker(connection, "one", 2).record_failure()


@pytest.mark.parametrize("role", ["app", "ro"])
def test_nobody_but_the_relay_closes_it(role: str, activity: Database) -> None:
    with activity.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT reset_breaker('one')")


@pytest.mark.parametrize("statement", ["DELETE FROM breakers", "UPDATE breakers SET consumer = 'x'"])
def test_the_application_may_count_and_no_more(statement: str, activity: Database) -> None:
    with activity.connect("app") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


@pytest.mark.parametrize("style", ["batch", "each"])
@pytest.mark.parametrize("cause", ["bug", "unreadable"])
def test_all_environments_together_dead_letter_no_more_than_the_threshold(
    style: str, cause: str, activity: Database
) -> None:
    """Four processes consume a partition each, and every record of theirs fails."""
    path = os.pathsep.join([str(ROOT), *(str(ROOT / part) for part in ("functions", "layers/shared", "localstack"))])
    environment = os.environ | {"DATABASE_URL_ACTIVITY": activity.url("app"), "PYTHONPATH": path}
    environment |= {"TOPIC": "events", "CONSUMER_GROUP": "group", "DEAD_LETTER_TOPIC": "events-dlq"}
    environment["BREAKER_THRESHOLD"] = "10"
    processes = [
        subprocess.Popen(
            [sys.executable, CONSUMER, style, cause, str(partition)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for partition in range(4)
    ]
    answers = [process.communicate(timeout=120)[0] for process in processes]

    assert [process.returncode for process in processes] == [0] * 4
    assert activity.rows("SELECT count(*) FROM outbox WHERE topic = 'events-dlq'") == [(10,)]
    assert failures(activity) == [("group", 10)]
    # What the last ones returned: 4 x 30 records without the 10.
    assert sum(int(answer.splitlines()[-1]) for answer in answers) == 110
