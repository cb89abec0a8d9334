"""`./millrace up` and `down` from every state that a machine can be left in."""

import contextlib
import fcntl
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest

from millrace_local.cloud import lifecycle
from millrace_local.deployment import aws, stack
from millrace_local.instance import HOST, STACK, TOOLS
from millrace_local.servers import leftovers
from tests.faults.servers import has_recovered
from tests.kit.cloud import Cloud
from tests.kit.servers import free_instance, starts_server, wait_until


@starts_server
@pytest.fixture
def other_cloud() -> Iterator[Cloud]:
    """A cloud beside the session's, not started."""
    other = Cloud(free_instance(TOOLS / f"test-{uuid4()}"))
    yield other
    other.millrace("down", "--purge")
    shutil.rmtree(other.instance.home)


@pytest.fixture(scope="module")
def found_again(cloud: Cloud) -> str:
    """A user who was there before kill -9 of everything, a start from what that leaves, `down` and `up`."""
    user = _processed_user(cloud)
    killed = list(_processes_of(cloud))
    for process in killed:
        # A function's process ends with its LocalStack.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    # Until then, its ports are taken.
    wait_until(lambda: all(leftovers.has_ended(each.pid) for each in killed), what="the killed processes to end")
    # Without it, the redeployer does nothing in the moment before `down`.
    (cloud.instance.run / "deployed.json").unlink()
    with lifecycle.lock(cloud.instance):
        lifecycle.start_servers(cloud.instance, lambda _part, _state: None)
    cloud.millrace("down")
    cloud.millrace("up")
    return user


@pytest.mark.timeout(600)
def test_after_kill_9_of_everything_and_after_down_the_data_is_there(cloud: Cloud, found_again: str) -> None:
    """Stale sockets, pid and lock files of a crash stop no start of the servers, and what was committed is there."""
    assert found_again in _processed_users(cloud)
    wait_until(lambda: has_recovered(cloud), seconds=120, what="the cloud to recover")


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("found_again")
def test_a_second_up_changes_nothing_and_is_quick(cloud: Cloud) -> None:
    """With everything running and deployed, `up` ends within seconds and restarts no server."""
    before = {part["name"]: part["pid"] for part in cloud.status()["parts"]}
    began = time.monotonic()
    cloud.millrace("up")
    assert time.monotonic() - began < 15
    assert {part["name"]: part["pid"] for part in cloud.status()["parts"]} == before


def suspend_servers(cloud: Cloud) -> None:
    for name in ("kafka", "localstack"):
        cloud.server(name).suspend()


def delete_the_application(cloud: Cloud) -> None:
    cloudformation = aws.client(cloud.instance, "cloudformation")
    cloudformation.delete_stack(StackName=STACK)
    wait_until(lambda: stack.status(cloudformation) is None, seconds=120, what="the stack to be gone")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("leave", [suspend_servers, delete_the_application], ids=lambda state: state.__name__)
def test_up_mends_whatever_state_it_finds(cloud: Cloud, leave: Callable[[Cloud], None], tmp_path: Path) -> None:
    """It exits with 0, and the whole cloud works.

    SAM leaves a folder for each function that it uploads: in a place that goes with it.
    """
    leave(cloud)
    cloud.millrace("up", TMPDIR=str(tmp_path))
    wait_until(lambda: has_recovered(cloud), seconds=120, what="the cloud to recover")
    assert list(tmp_path.iterdir()) == []
    assert not cloud.instance.scratch("sam").exists()


def test_two_commands_do_not_work_on_one_cloud_at_once(other_cloud: Cloud) -> None:
    """While one `up` is at work, another is refused with the first one's process id."""
    run = other_cloud.instance.run
    run.mkdir(parents=True)
    with (run / "command.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(str(os.getpid()))
        lock.flush()
        refused = other_cloud.millrace("up", check=False)
    assert refused.returncode == 1
    assert f"is running (pid {os.getpid()})" in refused.stderr


def test_a_taken_port_is_told_before_anything_starts(other_cloud: Cloud) -> None:
    """`up` names the port, its owner and the variable, exits with 1 and leaves no process."""
    with socket.create_server((HOST, other_cloud.instance.ports["kafka"])):
        refused = other_cloud.millrace("up", check=False)
    assert refused.returncode == 1
    assert "MILLRACE_KAFKA_PORT" in refused.stderr
    assert f"pid {os.getpid()}" in refused.stderr
    assert list(_processes_of(other_cloud)) == []


def test_down_leaves_no_process_port_or_lock(cloud: Cloud) -> None:
    """After `down`, in order, nothing of the cloud runs, listens or holds a file; a second one finds nothing to stop.

    It is the last test that needs the cloud.
    """
    assert len(list(_processes_of(cloud))) > 4
    log = cloud.instance.logs / "supervisord.log"
    logged = len(log.read_text())
    cloud.millrace("down")
    assert "stopped: localstack (exit status 0)" in log.read_text()[logged:]
    assert list(_processes_of(cloud)) == []
    for port in cloud.instance.ports.values():
        socket.create_server((HOST, port)).close()
    assert not cloud.instance.run.exists()
    assert "Nothing was running" in cloud.millrace("down").stderr


def _processes_of(cloud: Cloud) -> Iterator[psutil.Process]:
    """Every process of the cloud: its servers and their children, by the mark in their environment."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("MILLRACE_INSTANCE") == str(cloud.instance.home):
                yield process
                yield from process.children(recursive=True)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def _processed_user(cloud: Cloud) -> str:
    """Return a new user of whom an event was processed."""
    user = f"user-{uuid4()}"
    event = {"userId": user, "eventType": "LOGIN"}
    httpx.post(f"{cloud.instance.api_url}/events/generate", json=event, timeout=30).raise_for_status()
    wait_until(lambda: user in _processed_users(cloud), seconds=30, what="the event to be processed")
    return user


def _processed_users(cloud: Cloud) -> str:
    return httpx.get(f"{cloud.instance.api_url}/events/processed", timeout=30).text
