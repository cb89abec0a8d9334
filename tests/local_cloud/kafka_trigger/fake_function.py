"""A function for the trigger's tests: keeps every event it is given, and answers as the test says."""

import json
from collections.abc import Callable
from threading import Event, Lock
from typing import Any

from millrace_plugin.kafka_trigger.invoker import Answer

SUCCESS = Answer(b"null")
RAISED = Answer(b'{"errorMessage": "no", "errorType": "Boom"}', function_error="Unhandled", request_id="request-1")
Batch = dict[str, list[int]]
"""An event's offsets by `<topic>-<partition>`."""


class FakeFunction:
    """An invoker; *behave* gets each event's offsets and answers, raises, or blocks."""

    def __init__(self, behave: Callable[[Batch], Answer] = lambda _: SUCCESS) -> None:
        self.behave = behave
        self.events: list[dict[str, Any]] = []
        self._lock = Lock()

    def invoke(self, payload: bytes) -> Answer:
        event = json.loads(payload)
        with self._lock:
            self.events.append(event)
        return self.behave(offsets(event))

    @property
    def batches(self) -> list[Batch]:
        with self._lock:
            return [offsets(event) for event in self.events]

    def offsets(self, label: str) -> list[int]:
        """All offsets of one partition in the order they were delivered, repeats included."""
        return [offset for batch in self.batches for offset in batch.get(label, [])]


class Gate:
    """Blocks a function until the test opens it."""

    def __init__(self) -> None:
        self.entered = Event()
        self._open = Event()

    def open(self) -> None:
        self._open.set()

    def __call__(self, _batch: Batch) -> Answer:
        self.entered.set()
        assert self._open.wait(30), "nobody opened the gate"
        return SUCCESS


def offsets(event: dict[str, Any]) -> Batch:
    return {label: [record["offset"] for record in records] for label, records in event["records"].items()}


def report(*failures: tuple[str, int]) -> Answer:
    """The partial batch response that names these (label, offset) pairs."""
    items = [{"itemIdentifier": {"partition": label, "offset": offset}} for label, offset in failures]
    return Answer(json.dumps({"batchItemFailures": items}).encode())
