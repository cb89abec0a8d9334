"""Deliver a mapping's log lines to its function's log group, through a bounded buffer that never blocks."""

import contextlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from queue import Empty, Full, Queue
from threading import Event, Thread
from time import monotonic
from typing import Any

from millrace_plugin.kafka_trigger.clients import Clients
from millrace_plugin.kafka_trigger.function_arn import parse_function_arn
from millrace_plugin.kafka_trigger.settings import Settings
from millrace_plugin.log_events import put_log_events

LOG = logging.getLogger(__name__)
MOST_LINES = 1_000  # in the buffer; more are dropped
GATHER_SECONDS = 0.25  # between two deliveries
LINES_AT_A_TIME = 50  # so many of the longest lines fit a request
GROUP_SECONDS = 60.0  # how long the name of the function's log group is cached
CLOSE_SECONDS = 5.0

Line = tuple[int, str]


class LogStream:
    """Write to the stream `<yyyy/mm/dd>/<UUID>` in a thread of its own."""

    def __init__(self, settings: Settings, clients: Clients) -> None:
        self._settings = settings
        self._clients = clients
        self._lines: Queue[Line] = Queue(MOST_LINES)
        self._lost = 0
        self._closing = Event()
        self._group = ""
        self._group_expires = 0.0
        self._thread: Thread | None = None

    def start(self) -> None:
        """Deliver buffered lines until `close`."""
        self._thread = Thread(target=self._run, name=f"kafka-trigger-log-{self._settings.uuid}", daemon=True)
        self._thread.start()

    def put(self, timestamp: int, line: str) -> None:
        """Buffer a line with its time in milliseconds since 1970. Drop it if the buffer is full."""
        try:
            self._lines.put_nowait((timestamp, line))
        except Full:
            self._lost += 1

    def close(self) -> None:
        """Deliver what is buffered, and wait up to CLOSE_SECONDS for it."""
        self._closing.set()
        if self._thread:
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closing.wait(GATHER_SECONDS):
            self._deliver()
        self._deliver()

    def _deliver(self) -> None:
        lines = list(self._waiting())
        if not lines:
            return
        lost, self._lost = self._lost, 0
        try:
            region, account, *_ = parse_function_arn(self._settings.function_arn)
            logs = self._clients("logs", account, region)
            stream = f"{datetime.now(UTC):%Y/%m/%d}/{self._settings.uuid}"
            events = [{"timestamp": timestamp, "message": line} for timestamp, line in lines]
            put_log_events(logs, self._find_group(account, region), stream, events, LINES_AT_A_TIME)
        except Exception as error:  # noqa: BLE001 - no log is worth the mapping
            LOG.warning("%d lines of mapping %s were not saved: %s", len(lines), self._settings.uuid, error)
        if lost:
            LOG.warning(
                "%d lines of mapping %s were dropped: more than %d waited.", lost, self._settings.uuid, MOST_LINES
            )

    def _waiting(self) -> Iterator[Line]:
        for _ in range(MOST_LINES):
            try:
                yield self._lines.get_nowait()
            except Empty:
                return

    def _find_group(self, account: str, region: str) -> str:
        """Return the log group of the function's LoggingConfig, or `/aws/lambda/<name>` without one."""
        if monotonic() >= self._group_expires:
            asked: dict[str, Any] = {}
            function = self._clients("lambda", account, region)
            with contextlib.suppress(function.exceptions.ResourceNotFoundException):
                asked = function.get_function_configuration(FunctionName=self._settings.function_arn)
            name = parse_function_arn(self._settings.function_arn).name
            self._group = (asked.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
            self._group_expires = monotonic() + GROUP_SECONDS
        return self._group
