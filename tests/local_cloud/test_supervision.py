"""Starts from any state, restarts without end, orphans, and stopping what hangs: two supervised servers."""

import contextlib
import dataclasses
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from millrace_local.cloud import lifecycle
from millrace_local.instance import TOOLS, Instance
from millrace_local.problems import LocalCloudError
from millrace_local.servers import leftovers, supervision
from millrace_local.servers.postgres import Postgres, superuser_url
from millrace_local.servers.redis import Redis
from millrace_local.servers.server import NotReadyError
from tests.kit.servers import wait_until

SERVERS = (Postgres(), Redis())


@pytest.fixture
def supervised(own_instance: Instance) -> Iterator[Instance]:
    """Postgres and Redis as `up` runs them."""
    start(own_instance)
    yield own_instance
    lifecycle.down(own_instance)


def start(instance: Instance) -> None:
    """Start the servers as `up` does."""
    lifecycle.start_servers(instance, lambda _part, _state: None, SERVERS)


def all_ready(instance: Instance) -> bool:
    with contextlib.suppress(NotReadyError):
        for server in SERVERS:
            server.check_ready(instance)
        return True
    return False


def pid(instance: Instance, name: str) -> int:
    return int(supervision.processes(instance)[name]["pid"])


def kill(instance: Instance, name: str, spared: int = 0) -> int:
    """Kill a program's next process, other than the *spared* one, and return its id."""
    wait_until(lambda: pid(instance, name) not in {0, spared}, seconds=60, what=f"{name} to be started")
    found = pid(instance, name)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(found).kill()
    return found


def work_without_end(instance: Instance) -> None:
    """Keep a backend busy with what never looks whether its server is alive."""
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(superuser_url(instance)) as connection:
        connection.execute("DO $$ BEGIN LOOP END LOOP; END $$")


def test_an_orphan_of_a_killed_postgres_does_not_keep_the_next_from_starting(supervised: Instance) -> None:
    """A busy backend holds the shared memory of its dead server: it is ended before the next start."""
    worker = threading.Thread(target=work_without_end, args=[supervised], daemon=True)
    worker.start()
    with psycopg.connect(superuser_url(supervised), autocommit=True) as connection:
        busy = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO%'"
        wait_until(lambda: connection.execute(busy).fetchone(), what="the backend to be busy")
        [backend] = connection.execute(busy).fetchone() or [0]
    kill(supervised, "postgres")
    wait_until(lambda: all_ready(supervised), seconds=60, what="Postgres to be back")
    assert leftovers.has_ended(backend)
    worker.join(timeout=10)


def test_a_server_that_is_killed_at_each_start_comes_back_when_it_is_left_alone(supervised: Instance) -> None:
    """The supervisor gives up meanwhile; the starts go on all the same, seconds apart."""
    killed = 0
    for _ in range(8):  # twice as often as it takes to be given up
        killed = kill(supervised, "redis", killed)
    wait_until(lambda: all_ready(supervised), seconds=60, what="Redis to be back")
    assert "gave up: redis" in (supervised.logs / "supervisord.log").read_text()


def test_what_was_stopped_is_started_and_what_runs_is_left(supervised: Instance) -> None:
    """`up` does no more than it must."""
    supervision.stop_program(supervised, "redis")
    before = pid(supervised, "postgres")
    start(supervised)
    assert all_ready(supervised)
    assert pid(supervised, "postgres") == before


def test_servers_whose_supervisor_was_killed_are_replaced(supervised: Instance) -> None:
    """`up` ends them and starts others, which a new supervisor looks after."""
    killed, before = supervision.pid(supervised), pid(supervised, "postgres")
    psutil.Process(killed).kill()
    start(supervised)
    assert all_ready(supervised)
    assert leftovers.has_ended(before)
    assert supervision.pid(supervised) != killed
    assert pid(supervised, "postgres") not in {0, before}


def test_a_server_that_dies_at_start_shows_its_last_words(
    own_instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres on data of another version never comes up: the error says so in Postgres's own words."""
    monkeypatch.setattr(lifecycle, "DYING_SECONDS", 3)
    Postgres().prepare(own_instance)
    (own_instance.data("postgres") / "PG_VERSION").write_text("9\n")
    try:
        with pytest.raises(LocalCloudError) as refused:
            start(own_instance)
    finally:
        lifecycle.down(own_instance)
    assert "postgres did not start" in str(refused.value)
    assert "database files are incompatible with server" in str(refused.value)


@pytest.mark.parametrize("also_its_supervisor", [False, True])
def test_down_stops_what_hangs(supervised: Instance, *, also_its_supervisor: bool) -> None:
    """Processes that are stopped by a signal, the supervisor's too, go on and end in order, and soon."""
    supervisor = supervision.pid(supervised)
    for process in leftovers.find(supervised.home):
        if also_its_supervisor or process.pid != supervisor:
            # Postgres starts and ends helpers of its own.
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
    began = time.monotonic()
    assert lifecycle.down(supervised)
    assert time.monotonic() - began < 60
    assert leftovers.find(supervised.home) == []


def test_down_finds_servers_whose_supervisor_was_killed(supervised: Instance) -> None:
    """Postgres and Redis write over their environment; they are known by their data."""
    psutil.Process(supervision.pid(supervised)).kill()
    assert {"postgres", "redis-server"} <= {each.name() for each in leftovers.find(supervised.home)}
    assert lifecycle.down(supervised)
    assert leftovers.find(supervised.home) == []


def test_another_instance_is_left_alone(supervised: Instance) -> None:
    """A folder whose name only begins like an instance's is none of its."""
    assert leftovers.find(supervised.home.with_name(supervised.home.name[:-1])) == []
    assert leftovers.find(TOOLS / "none") == []


def test_a_program_starts_with_an_empty_temporary_folder(supervised: Instance) -> None:
    """What a killed server has left there is removed before its next start."""
    remains = supervised.scratch("redis") / "remains"
    remains.touch()
    kill(supervised, "redis")
    wait_until(lambda: not remains.exists(), seconds=60, what="the folder to be emptied")


def test_a_supervisor_of_a_deep_folder_is_found_whatever_the_temporary_folder(
    own_instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket's path would be too long there, and its programs and the user's shells have folders of their own."""
    instance = dataclasses.replace(own_instance, home=tmp_path / ("deep" * 25))
    supervision.start(instance, [supervision.Program("sleeper", ["sleep", "600"], {})])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    assert supervision.processes(instance)["sleeper"]["pid"]
    psutil.Process(supervision.pid(instance)).kill()
    assert lifecycle.down(instance)
    assert not supervision._socket(instance).exists()
