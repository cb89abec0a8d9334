"""`./millrace status`: what is asked, how long it is waited for, and what is shown."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import msgspec
import psutil
import pytest

from millrace_local.cloud import application
from millrace_local.cloud.parts import Part
from millrace_local.cloud.probes import NoAnswerError, ask
from millrace_local.cloud.status import Status, status
from millrace_local.instance import Instance
from millrace_local.servers import supervision
from millrace_local.servers.redis import Redis
from millrace_plugin.status.structures import Functions, Mappings
from tests.kit.servers import free_instance, running, wait_until


@pytest.fixture
def hung_redis(own_instance: Instance) -> Iterator[Instance]:
    """A local cloud of which only Redis was started, which is stopped by SIGSTOP."""
    with running(Redis(), own_instance) as process:
        process.send_signal(signal.SIGSTOP)
        yield own_instance
        process.send_signal(signal.SIGCONT)


def part(found: Status, name: str) -> Part:
    return next(each for each in found.parts if each.name == name)


def test_a_question_that_hangs_delays_no_other() -> None:
    """After the time limit it is a NoAnswerError; results and errors of the others are theirs."""

    def fail() -> object:
        raise ValueError

    began = time.monotonic()
    questions: dict[str, Callable[[], object]] = {"quick": lambda: "yes", "broken": fail, "hung": Event().wait}
    answers = ask(questions, 0.3)
    assert time.monotonic() - began < 2
    assert answers["quick"] == "yes"
    assert isinstance(answers["broken"], ValueError)
    assert isinstance(answers["hung"], NoAnswerError)


def test_a_server_that_hangs_is_neither_up_nor_down(hung_redis: Instance) -> None:
    """It is `hung`, the status is there within 3 seconds, and what refuses connections is `down`."""
    began = time.monotonic()
    found = status(hung_redis, 2)
    assert time.monotonic() - began < 3
    assert part(found, "redis").state == "hung"
    assert "does not answer" in str(part(found, "redis").problem)
    assert part(found, "kafka").state == "down"


def test_a_dead_supervisor_is_a_problem(tmp_path: Path) -> None:
    """Without it nothing that dies is started again, and the text says what to do."""
    supervisor = part(status(free_instance(tmp_path), 1), "supervisor")
    assert supervisor.state == "down"
    assert "./millrace up" in str(supervisor.problem)


def test_a_redeployer_that_is_stopped_is_not_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor has it as running all the same."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        process.send_signal(signal.SIGSTOP)
        known = {"redeployer": {"statename": "RUNNING", "pid": process.pid}}
        monkeypatch.setattr(supervision, "processes", lambda _: known)
        wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, what="it to be stopped")
        row = part(status(free_instance(tmp_path), 1), "redeployer")
        process.kill()
    assert row.state == "hung"
    assert "SIGSTOP" in str(row.problem)


def test_a_localstack_without_the_application_is_a_problem(localstack: Instance) -> None:
    """All servers may be up: what is missing is named, with the way to bring it back."""
    row = part(status(localstack, 20), "application")
    assert row.state == "missing"
    assert "./millrace up" in str(row.problem)


@pytest.mark.parametrize("statistics", [{"f_bavail": 0}, {"f_favail": 5}], ids=["bytes", "files"])
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statistics: dict[str, int]) -> None:
    """A server that is down on a full disk says so before it says that it refuses connections."""
    real = os.statvfs(tmp_path)
    fields = {name: getattr(real, name) for name in ("f_bavail", "f_frsize", "f_files", "f_favail")} | statistics
    monkeypatch.setattr(os, "statvfs", lambda _: type("Statistics", (), fields))
    found = status(free_instance(tmp_path), 1)
    assert part(found, "disk").state == "full"
    assert str(part(found, "postgres").problem).startswith(f"The disk of {tmp_path}")


def test_mappings_that_are_unknown_are_a_problem_of_the_application() -> None:
    """Its functions may be known all the same."""
    serving = Functions(stack="UPDATE_COMPLETE", functions=())
    assert application.part(serving, Mappings(mappings=())).problem is None
    problem = application.part(serving, NoAnswerError(2)).problem
    assert problem == "The mappings are unknown: It does not answer within 2.0 s."


def test_what_is_down_is_unknown_and_never_zero(tmp_path: Path) -> None:
    """No function, mapping, offset, row or dead letter is counted while nobody can tell its number."""
    found = status(free_instance(tmp_path), 1)
    assert (found.functions, found.mappings) == (None, None)
    assert found.topics
    assert {(each.partitions, each.end_offsets, each.records) for each in found.topics} == {(None, None, None)}
    assert found.dead_letters
    assert {each.count for each in found.dead_letters} == {None}
    assert found.outbox
    assert {(each.waiting, each.oldest_seconds, each.parked) for each in found.outbox} == {(None, None, None)}
    problems = {each.problem for each in found.topics} | {each.problem for each in found.outbox}
    assert all("unknown" in str(problem) for problem in problems)


def test_the_json_can_be_decoded_as_it_was(tmp_path: Path) -> None:
    """Clients decode what is served with the same structures."""
    found = status(free_instance(tmp_path), 1)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Status) == found
