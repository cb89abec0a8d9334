"""Deliver the log events of invocations in batches, to files and to CloudWatch Logs.

LocalStack has a thread per function version, and sends each invocation's events alone. Together with its metrics that
took two thirds of a warm invocation's time.
"""

import contextlib
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue

from localstack.aws.connect import connect_to
from localstack.runtime.events import infra_stopping
from localstack.services.lambda_.invocation import version_manager
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.utils.patch import patch

from millrace_plugin.lambda_runtime import log_files
from millrace_plugin.lambda_runtime.logs import Event
from millrace_plugin.log_events import put_log_events

LOG = logging.getLogger(__name__)
_SECONDS = 0.25  # between two deliveries


def install() -> None:
    """Replace LocalStack's delivery of logs: the executor puts events into `delivery`."""
    version_manager.LogHandler = NoLogHandler
    patch(version_manager.LambdaVersionManager.store_logs)(_store_nothing)
    patch(ExecutionEnvironment.get_log_group_name)(_log_group)
    patch(ExecutionEnvironment.get_log_stream_name)(_log_stream)
    delivery()  # created before several threads call it


@cache
def delivery() -> "LogDelivery":
    return LogDelivery()


@dataclass(frozen=True)
class Stream:
    account: str
    region: str
    group: str
    stream: str
    file: str
    """The name of the function's file."""


@dataclass(frozen=True)
class Logged:
    """The log events of an invocation. *invocation* is its id."""

    stream: Stream
    invocation: str
    events: tuple[Event, ...]


class LogDelivery:
    """Deliver log events until LocalStack ends, also those of deleted versions."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Logged] = SimpleQueue()
        folder = os.environ.get(log_files.VARIABLE)
        self._folder = Path(folder) if folder else None
        threading.Thread(target=self._run, name="lambda-logs", daemon=True).start()

    def put(self, logged: Logged) -> None:
        self._queue.put(logged)

    def _run(self) -> None:
        while True:
            streams = defaultdict[Stream, list[Logged]](list)
            for logged in (self._queue.get(), *self._more()):
                streams[logged.stream].append(logged)
            for stream, several in streams.items():
                self._keep(stream, several)
            if infra_stopping.is_set():  # CloudWatch Logs stops too, and retries would delay the end
                continue
            for stream, several in streams.items():
                try:
                    _deliver(stream, [event for logged in several for event in logged.events])
                except Exception:
                    LOG.exception("Logs for %s were not saved", stream.group)

    def _keep(self, stream: Stream, several: list[Logged]) -> None:
        try:
            if self._folder:
                log_files.append(self._folder, stream.file, [(logged.invocation, logged.events) for logged in several])
        except OSError as error:
            LOG.warning("The log of %s was not written to a file: %s", stream.file, error)

    def _more(self) -> Iterator[Logged]:
        infra_stopping.wait(_SECONDS)
        with contextlib.suppress(Empty):
            while True:
                yield self._queue.get_nowait()


class NoLogHandler:
    """Replace LocalStack's handler, which has a thread for each function version."""

    def __init__(self, role_arn: str, region: str) -> None: ...

    def start_subscriber(self) -> None: ...

    def stop(self) -> None: ...


def _store_nothing(*_: object, **__: object) -> None:
    """Do nothing: the executor has delivered the events already."""


def _log_group(default: Callable[[ExecutionEnvironment], str], environment: ExecutionEnvironment) -> str:
    return environment.function_version.config.logging_config.get("LogGroup") or default(environment)


def _log_stream(default: Callable[[ExecutionEnvironment], str], environment: ExecutionEnvironment) -> str:
    """Return the stream's name, with the function's name if several functions may share the group, as on AWS."""
    function = environment.function_version.id
    if environment.get_log_group_name() == f"/aws/lambda/{function.function_name}":
        return default(environment)
    return f"{datetime.now(UTC):%Y/%m/%d}/{function.function_name}[{function.qualifier}]{environment.id}"


def _deliver(stream: Stream, events: list[Event]) -> None:
    client = connect_to(aws_access_key_id=stream.account, region_name=stream.region).logs
    put_log_events(client, stream.group, stream.stream, list(map(asdict, events)))
