"""What `status` says while a part of the local cloud hangs, and that it says it soon."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from millrace_local.cloud.parts import Part
from millrace_local.cloud.servers import SERVERS
from millrace_local.cloud.status import Status, status
from millrace_local.servers import supervision
from tests.faults.servers import has_recovered
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until


@pytest.fixture(scope="module", autouse=True)
def recovery(cloud: Cloud) -> Iterator[None]:
    """Whatever hung works again at the end."""
    yield
    wait_until(lambda: has_recovered(cloud), seconds=120, what="the cloud to recover")


@contextmanager
def stopped(cloud: Cloud, process: psutil.Process, seconds: float = 2) -> Iterator[Status]:
    """What `status` shows while *process* is stopped by SIGSTOP; it keeps to its time, but for what a busy machine adds."""
    process.suspend()
    try:
        began = time.monotonic()
        found = status(cloud.instance, seconds)
        assert time.monotonic() - began < seconds + 5
        yield found
    finally:
        process.resume()


def part(found: Status, name: str) -> Part:
    return next(each for each in found.parts if each.name == name)


def assert_hung(found: Status, name: str) -> None:
    assert part(found, name).state == "hung"
    assert "Its process is stopped" in str(part(found, name).problem)
    assert "down" not in {part(found, server.name).state for server in SERVERS}


@pytest.mark.parametrize("name", [server.name for server in SERVERS if server.name != "kafka"])
def test_a_server_that_hangs_is_named(cloud: Cloud, name: str) -> None:
    """It is `hung`, because its process is stopped; no server is said to be down."""
    with stopped(cloud, cloud.server(name)) as found:
        assert_hung(found, name)


def test_a_kafka_that_hangs_is_named_and_the_lag_is_unknown(cloud: Cloud) -> None:
    """Each mapping says why it has none."""
    with stopped(cloud, cloud.server("kafka"), seconds=20) as found:
        assert_hung(found, "kafka")
        assert found.mappings
        for mapping in found.mappings:
            assert mapping.lag is None
            assert "does not answer" in str(mapping.problem)


def test_a_supervisor_that_hangs_is_named(cloud: Cloud) -> None:
    """The servers are up, but nobody would start them again."""
    with stopped(cloud, psutil.Process(supervision.pid(cloud.instance))) as found:
        assert part(found, "supervisor").state == "hung"
        assert "./millrace up" in str(part(found, "supervisor").problem)
