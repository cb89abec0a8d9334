"""Invocations' logs on their way to CloudWatch Logs, in batches.

LocalStack has a thread per function version and sends one invocation at a time, in the interpreter that also serves
the invocations: with its metrics that took two thirds of a warm invocation's time.
"""

import contextlib
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from localstack.aws.connect import connect_to
from localstack.runtime.events import infra_stopping
from localstack.services.lambda_.invocation import version_manager
from localstack.services.lambda_.invocation.logs import LogItem

from millrace_local.log_events import put_log_events

LOG = logging.getLogger(__name__)
_SECONDS = 0.25  # between two deliveries


def install() -> None:
    """Have all function versions hand their logs to one delivery."""
    version_manager.LogHandler = partial(VersionLog, LogDelivery())


@dataclass(frozen=True)
class Stream:
    account: str
    region: str
    group: str
    stream: str


@dataclass(frozen=True)
class Logged:
    """What an invocation logged; *timestamp*, of its end, in milliseconds since 1970."""

    stream: Stream
    timestamp: int
    logs: str

    def events(self) -> Iterator[dict[str, Any]]:
        """An event per line; CloudWatch takes no empty ones."""
        return ({"timestamp": self.timestamp, "message": f"{line}\n"} for line in self.logs.split("\n") if line)


class LogDelivery:
    """Delivers until LocalStack ends, also what versions logged that have gone since."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Logged] = SimpleQueue()
        threading.Thread(target=self._run, name="lambda-logs", daemon=True).start()

    def put(self, logged: Logged) -> None:
        self._queue.put(logged)

    def _run(self) -> None:
        while True:
            streams = defaultdict[Stream, list[dict[str, Any]]](list)
            for logged in (self._queue.get(), *self._more()):
                streams[logged.stream].extend(logged.events())
            if infra_stopping.is_set():  # CloudWatch Logs goes too, and clients that try again hold the end up
                return
            for stream, events in streams.items():
                try:
                    _deliver(stream, events)
                except Exception:
                    LOG.exception("Logs for %s were not saved", stream.group)

    def _more(self) -> Iterator[Logged]:
        infra_stopping.wait(_SECONDS)
        with contextlib.suppress(Empty):
            while True:
                yield self._queue.get_nowait()


class VersionLog:
    """One function version's way to the delivery; stands where LocalStack has its LogHandler."""

    def __init__(self, delivery: LogDelivery, role_arn: str, region: str) -> None:
        self._delivery = delivery
        self._account = role_arn.split(":")[4]
        self._region = region

    def add_logs(self, item: LogItem) -> None:
        stream = Stream(self._account, self._region, item.log_group, item.log_stream)
        self._delivery.put(Logged(stream, time.time_ns() // 1_000_000, item.logs))

    def start_subscriber(self) -> None:
        """Nothing: the delivery has started."""

    def stop(self) -> None:
        """Nothing: the delivery goes on, so that a last invocation's logs arrive."""


def _deliver(stream: Stream, events: list[dict[str, Any]]) -> None:
    client = connect_to(aws_access_key_id=stream.account, region_name=stream.region).logs
    put_log_events(client, stream.group, stream.stream, events)
