"""A function for the trigger's tests, which keeps its events and answers as the test wants."""

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
    """An invoker. *behave* gets each event's offsets and answers, raises, or blocks."""

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
        """Return all delivered offsets of one partition, in their sequence and with repeats."""
        return [offset for batch in self.batches for offset in batch.get(label, [])]


class Gate:
    """Block a function until the test opens the gate."""

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
    """Return the partial batch response for these (label, offset) pairs."""
    items = [{"itemIdentifier": {"partition": label, "offset": offset}} for label, offset in failures]
    return Answer(json.dumps({"batchItemFailures": items}).encode())
