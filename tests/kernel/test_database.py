"""The warm connection: made anew when it died, and clear about what is unavailable."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from kernel.aws import secrets
from kernel.errors import UnavailableError
from kernel.storage import database
from kernel.storage.database import transaction
from tests.kit.aws import Aws
from tests.kit.databases import PASSWORDS, Database

INSERT = "INSERT INTO events (id, user_id, event_type) VALUES (gen_random_uuid(), 'u', 'LOGIN')"


def count(activity: Database) -> int:
    [(found,)] = activity.rows("SELECT count(*) FROM events")
    return int(found)


def count_by_transaction() -> int:
    with transaction("activity") as connection:
        return len(connection.execute("SELECT FROM events").fetchall())


def test_keeps_one_connection_warm(activity: Database) -> None:
    """Transactions one after the other use the same session."""
    pids = set()
    for _ in range(3):
        with transaction("activity") as connection:
            pids.add(connection.info.backend_pid)

    assert len(pids) == 1


def test_threads_share_no_connection(activity: Database) -> None:
    """A transaction of one thread is no savepoint of another's."""
    with transaction("activity") as connection, ThreadPoolExecutor(1) as another:
        connection.execute(INSERT)
        assert another.submit(count_by_transaction).result(10) == 0

    assert count(activity) == 1


def test_threads_that_end_leave_their_connection_to_the_next(activity: Database) -> None:
    """As in a readiness check, which asks in new threads each time: connections do not accumulate."""
    pids = set()

    def ask() -> None:
        with transaction("activity") as connection:
            pids.add(connection.info.backend_pid)

    for _ in range(5):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert len(pids) == 1


def test_another_role_has_a_transaction_of_its_own(activity: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees what is committed, not what the function's own role has begun, and may do what that role may."""
    monkeypatch.setenv("DATABASE_URL_ACTIVITY_RO", activity.url("ro"))
    with transaction("activity") as connection:
        connection.execute(INSERT)
        with transaction("activity", "ro") as reading:
            assert reading.info.user == "activity_ro"
            assert reading.execute("SELECT FROM events").rowcount == 0

    with pytest.raises(UnavailableError), transaction("activity", "ro") as reading:
        reading.execute(INSERT)
    assert count(activity) == 1


def test_reset_closes_the_warm_connections(activity: Database) -> None:
    """The next transaction has a session of its own."""
    with transaction("activity") as connection:
        first = connection.info.backend_pid
    database.reset()
    assert connection.closed
    with transaction("activity") as connection:
        assert connection.info.backend_pid != first


def test_survives_a_connection_that_died_while_it_was_idle(activity: Database) -> None:
    """After a freeze or a failover the next transaction does not notice."""
    with transaction("activity") as connection:
        connection.execute(INSERT)
    activity.end_sessions()
    with transaction("activity") as connection:
        connection.execute(INSERT)

    assert count(activity) == 2


def test_rolls_back_when_the_block_raises(activity: Database) -> None:
    """Nothing of a failed block stays, and the connection serves the next one."""
    with pytest.raises(ZeroDivisionError), transaction("activity") as connection:  # noqa: PT012 - the block is what is tested
        connection.execute(INSERT)
        raise ZeroDivisionError

    with transaction("activity") as connection:
        connection.execute(INSERT)
    assert count(activity) == 1


def test_is_a_savepoint_inside_another(activity: Database) -> None:
    """An inner transaction that fails takes only its own work along."""
    with transaction("activity") as outer:
        outer.execute(INSERT)
        with pytest.raises(ZeroDivisionError), transaction("activity") as inner:  # noqa: PT012 - the block is what is tested
            inner.execute(INSERT)
            raise ZeroDivisionError

    assert count(activity) == 1


def test_does_not_begin_an_inner_transaction_on_another_connection(activity: Database) -> None:
    """When the session dies between an outer and an inner transaction, the inner one's work is not committed alone."""
    with pytest.raises(UnavailableError), transaction("activity") as outer:  # noqa: PT012 - the block is what is tested
        outer.execute(INSERT)
        activity.end_sessions()
        with transaction("activity") as inner:
            inner.execute(INSERT)

    assert count(activity) == 0


def test_reports_a_lost_connection_even_if_the_block_swallowed_it(activity: Database) -> None:
    """A block that goes on after its connection died is not taken for committed."""
    with pytest.raises(UnavailableError), transaction("activity") as connection:  # noqa: PT012 - the block is what is tested
        activity.end_sessions()
        with pytest.raises(psycopg.OperationalError):
            connection.execute(INSERT)


def test_says_that_a_database_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: the caller is told in a second, by an error that names the database."""
    monkeypatch.setenv("DATABASE_URL_NOWHERE", "postgresql://nobody@127.0.0.1:1/nowhere")

    with pytest.raises(UnavailableError, match="nowhere"), transaction("nowhere"):
        pass


def test_lets_other_errors_pass(activity: Database) -> None:
    """A violated constraint is the function's own affair."""
    with pytest.raises(psycopg.errors.NotNullViolation), transaction("activity") as connection:
        connection.execute("INSERT INTO events (id) VALUES (gen_random_uuid())")


def test_reads_a_rotated_password_again(
    migrated: Callable[[str], Database], aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cached secret is stale: one fresh look, and the connection is made."""
    server = conninfo_to_dict(migrated("activity").server)
    settings = {"HOST": server["host"], "PORT": server["port"], "SSLMODE": "disable", "SECRET_PREFIX": "test/"}
    for name, value in settings.items():
        monkeypatch.setenv(f"DATABASE_{name}", str(value))
    aws.put_secret("test/activity_app", {"username": "activity_app", "password": "of yesterday"})
    secrets.get("test/activity_app")
    aws.put_secret("test/activity_app", {"username": "activity_app", "password": PASSWORDS["app"]})

    database.connect("activity").close()
    database.connect("activity").close()

    assert len(aws.list_secret_reads()) == 2
