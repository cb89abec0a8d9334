"""`./millrace status`: what is asked, how long it is waited for, and what is shown."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from millrace_local.cloud import application
from millrace_local.cloud.application import Application
from millrace_local.cloud.probes import NoAnswerError, ask
from millrace_local.cloud.status import status
from millrace_local.instance import Instance
from millrace_local.servers import supervision
from millrace_local.servers.localstack import LocalStack
from millrace_local.servers.redis import Redis
from tests.kit import topics
from tests.kit.servers import free_instance, running, wait_until

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


@pytest.fixture
def hung_redis(tmp_path: Path) -> Iterator[Instance]:
    """A local cloud of which only Redis was started, which is stopped by SIGSTOP."""
    instance = free_instance(tmp_path)
    with running(Redis(), instance) as process:
        process.send_signal(signal.SIGSTOP)
        yield instance
        process.send_signal(signal.SIGCONT)


def part(found: dict[str, list[dict[str, Any]]], name: str) -> dict[str, Any]:
    return next(row for row in found["parts"] if row["name"] == name)


def mapping(**settings: object) -> dict[str, Any]:
    """A mapping as ListEventSourceMappings shows it."""
    return {"UUID": str(uuid4()), "FunctionArn": ARN, "State": "Enabled", "LastProcessingResult": "OK", **settings}


def self_managed(bootstrap: str, topic: str, group: str) -> dict[str, Any]:
    source = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [bootstrap]}}
    group_setting = {"ConsumerGroupId": group}
    return mapping(Topics=[topic], SelfManagedEventSource=source, SelfManagedKafkaEventSourceConfig=group_setting)


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
    assert part(found, "redis")["state"] == "hung"
    assert "does not answer" in part(found, "redis")["problem"]
    assert part(found, "kafka")["state"] == "down"


def test_a_dead_supervisor_is_a_problem(tmp_path: Path) -> None:
    """Without it nothing that dies is started again, and the text says what to do."""
    supervisor = part(status(free_instance(tmp_path), 1), "supervisor")
    assert supervisor["state"] == "down"
    assert "./millrace up" in supervisor["problem"]


def test_a_redeployer_that_is_stopped_is_not_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor has it as running all the same."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        process.send_signal(signal.SIGSTOP)
        known = {"redeployer": {"statename": "RUNNING", "pid": process.pid}}
        monkeypatch.setattr(supervision, "processes", lambda _: known)
        wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, what="it to be stopped")
        row = part(status(free_instance(tmp_path), 1), "redeployer")
        process.kill()
    assert row["state"] == "hung"
    assert "SIGSTOP" in row["problem"]


def test_a_localstack_without_the_application_is_a_problem(tmp_path: Path) -> None:
    """All servers may be up: what is missing is named, with the way to bring it back."""
    instance = free_instance(tmp_path)
    with running(LocalStack(), instance):
        row = part(status(instance, 20), "application")
    assert row["state"] == "missing"
    assert "./millrace up" in row["problem"]


@pytest.mark.parametrize("statistics", [{"f_bavail": 0}, {"f_favail": 5}], ids=["bytes", "files"])
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statistics: dict[str, int]) -> None:
    """A server that is down on a full disk says so before it says that it refuses connections."""
    real = os.statvfs(tmp_path)
    fields = {name: getattr(real, name) for name in ("f_bavail", "f_frsize", "f_files", "f_favail")} | statistics
    monkeypatch.setattr(os, "statvfs", lambda _: type("Statistics", (), fields))
    found = status(free_instance(tmp_path), 1)
    assert part(found, "disk")["state"] == "full"
    assert part(found, "postgres")["problem"].startswith(f"The disk of {tmp_path}")


def test_the_lag_of_a_self_managed_mapping_is_its_own_groups_at_its_own_brokers(kafka: str, tmp_path: Path) -> None:
    """The group is the one that its settings name, and its brokers are asked though our own Kafka is down."""
    topic, group = topics.create(kafka, partitions=2), f"group-{uuid4()}"
    write(kafka, topic, 5)
    commit(kafka, group, topic, 2)
    found = Application("CREATE_COMPLETE", {}, {}, [self_managed(kafka, topic, group)], {})
    [row] = application.mappings(free_instance(tmp_path), found, "Kafka is down", 10)
    assert (row["group"], row["lag"], row["problem"]) == (group, 3, None)


def test_what_kafka_has_removed_is_not_behind(kafka: str, tmp_path: Path) -> None:
    """A group that has committed nothing lags by the records that are there."""
    topic = topics.create(kafka, partitions=1)
    write(kafka, topic, 5)
    admin, before_the_last = AdminClient({"bootstrap.servers": kafka}), TopicPartition(topic, 0, 4)
    admin.delete_records([before_the_last])[before_the_last].result(timeout=10)
    found = Application("CREATE_COMPLETE", {}, {}, [self_managed(kafka, topic, "none")], {})
    [row] = application.mappings(free_instance(tmp_path), found, None, 10)
    assert row["lag"] == 1


def test_a_lag_that_is_unknown_has_its_reason(tmp_path: Path) -> None:
    """Brokers that do not answer, ours or others, are the mapping's problem; so is its last result if it is one."""
    instance = free_instance(tmp_path)
    others = self_managed("127.0.0.1:9", "topic", "group")
    ours = mapping(Topics=["topic"], LastProcessingResult="PROBLEM: Connection error")
    rows = application.mappings(instance, Application("CREATE_COMPLETE", {}, {}, [others, ours], {}), "It hangs.", 0.5)
    assert [row["lag"] for row in rows] == [None, None]
    assert "The lag is unknown: " in rows[0]["problem"]
    assert rows[1]["problem"] == "PROBLEM: Connection error; The lag is unknown: It hangs."


def test_what_a_mapping_was_accepted_with_is_shown(tmp_path: Path) -> None:
    """The warnings of a lenient trigger stand beside their mapping."""
    ours = mapping(Topics=["topic"])
    found = Application("CREATE_COMPLETE", {}, {}, [ours], {ours["UUID"]: ["KMSKeyArn has no effect"]})
    [row] = application.mappings(free_instance(tmp_path), found, "down", 0.1)
    assert row["warnings"] == ["KMSKeyArn has no effect"]


def test_a_function_that_is_gone_or_failed_is_a_problem() -> None:
    """What the stack names and Lambda has not is missing; what Lambda could not make says why."""
    deployed = {"f": {"State": "Failed", "StateReason": "No code", "Handler": "h", "Timeout": 3, "MemorySize": 128}}
    found = Application("CREATE_COMPLETE", {"Failed": "f", "Gone": "g"}, deployed, [], {})
    failed, gone = application.functions(found)
    assert (failed["state"], failed["problem"]) == ("Failed", "No code")
    assert gone["state"] == "missing"


def write(bootstrap: str, topic: str, count: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for _ in range(count):
        producer.produce(topic, b"value", partition=0)
    assert producer.flush(10) == 0


def commit(bootstrap: str, group: str, topic: str, offset: int) -> None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
    consumer.close()
