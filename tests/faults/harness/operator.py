"""An operator at the rig: operations of the product in processes of their own, which a case kills."""

import contextlib
import json
import subprocess
from collections.abc import Callable
from typing import Any

import psycopg

from tests.faults.harness.rig import Rig
from tests.kit import aws, databases, operation_process
from tests.kit.servers import wait_until

DOMAIN = "operations"
DROP = b"DROP DATABASE IF EXISTS operations WITH (FORCE)"
BUCKET = "archive"
CHECKPOINT = "operations.task_store.advance"


class Operator:
    """The domain `operations` with its database and its archive, for the rig's topic and consumer alone.

    *ordered*: whether the rig's consumer is.
    """

    def __init__(self, rig: Rig, *, ordered: bool = False) -> None:
        self._rig = rig
        with psycopg.connect(rig.servers.superuser, autocommit=True) as connection:
            connection.execute(DROP)
        database = databases.migrated(rig.servers.superuser, DOMAIN)
        stack = contextlib.ExitStack()
        rig.undo_at_end(stack.close)
        cloud = stack.enter_context(aws.running())
        cloud.client("s3").create_bucket(Bucket=BUCKET)
        self._variables = {
            **cloud.variables,
            "ARCHIVE_BUCKET": BUCKET,
            "STAGE": "local",
            "DATABASE_URL_OPERATIONS": database.url("app"),
            "DATABASE_URL_PROBE_RO": rig.database.url("ro"),
            "KAFKA_BOOTSTRAP_SERVERS": rig.servers.bootstrap,
            "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
        }
        self._files = {f"operations.{name}": rig.folder / f"{name}.json" for name in ("topics", "consumers")}
        consumer = {
            "name": "probe.consume",
            "function": "ProbeConsume",
            "topic": rig.topic,
            "group": rig.group,
            "dead_letter_topic": rig.dead_letter_topic,
            "types": [],
            "together": False,
            "generation": 1,
            "ignores_replays": False,
            "idempotent_without_inbox": False,
            "ordered": ordered,
        }
        self._files["operations.topics"].write_text(json.dumps([rig.topic]))
        self._files["operations.consumers"].write_text(json.dumps([consumer]))

    def run(self, name: str, **command: object) -> Any:  # noqa: ANN401 - each operation's own
        """Run an operation to its end. Returns its result."""
        answer = self._answer(name, command)
        assert answer["next"] is None, answer
        return answer["result"]

    def begin(self, name: str, **command: object) -> "Begun":
        """Begin a task of which nothing is done yet: its plan may take several invocations."""
        cursor = self._answer(name, {**command, "seconds": 0})["next"]
        while cursor["at"]["task"] is None:
            cursor = self._answer(name, {"cursor": cursor, "seconds": 0})["next"]
        return Begun(self, name, cursor)

    def start(self, name: str, payload: dict[str, Any], dies_in: str = "") -> subprocess.Popen[bytes]:
        place = operation_process.Place(self._variables, self._files, subprocess.PIPE)
        return operation_process.start(f"{DOMAIN}.{name}", payload, dies_in=dies_in, place=place)

    def _answer(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        output, _ = self.start(name, payload).communicate()
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
        assert answer["error"] is None, answer["error"]
        return answer


class Begun:
    """A task that has begun. *cursor*: where each of its invocations begins."""

    def __init__(self, operator: Operator, name: str, cursor: dict[str, Any]) -> None:
        self._operator, self._name, self._cursor = operator, name, cursor

    def kill_when(self, is_reached: Callable[[], bool]) -> None:
        """Carry it on, and kill the process (SIGKILL) when *is_reached*."""
        process = self._operator.start(self._name, {"cursor": self._cursor})
        try:
            wait_until(lambda: process.poll() is not None or is_reached(), seconds=300, what="the task to get so far")
        finally:
            process.kill()
            output, _ = process.communicate()
        assert is_reached(), f"the task ended before: {output.decode()[-2000:]}"

    def die_before_checkpoint(self) -> None:
        """Carry it on until the first batch is acknowledged and not noted."""
        process = self._operator.start(self._name, {"cursor": self._cursor}, CHECKPOINT)
        process.communicate()
        assert process.returncode == 9, process.returncode

    def finish(self) -> dict[str, Any]:
        """Carry it on to its end. Returns its result."""
        result: dict[str, Any] = self._operator.run(self._name, cursor=self._cursor)
        return result
