"""Build an event source mapping from its parts, and start and stop them together."""

import logging
from collections.abc import Callable
from threading import Thread

from millrace_plugin.kafka_trigger import reporter, system_log
from millrace_plugin.kafka_trigger.clients import Clients
from millrace_plugin.kafka_trigger.committer import Committer
from millrace_plugin.kafka_trigger.conditions import Condition, arrange
from millrace_plugin.kafka_trigger.counters import Counters
from millrace_plugin.kafka_trigger.destinations import open_destination
from millrace_plugin.kafka_trigger.dispatcher import Dispatcher
from millrace_plugin.kafka_trigger.invoker import Invoker
from millrace_plugin.kafka_trigger.log_stream import LogStream
from millrace_plugin.kafka_trigger.poller import Poller
from millrace_plugin.kafka_trigger.processing_result import ProcessingResult
from millrace_plugin.kafka_trigger.settings import Settings
from millrace_plugin.kafka_trigger.system_log import CURRENT, SystemLog

LOG = logging.getLogger(__name__)


class KafkaMapping:
    """Run one event source mapping.

    report: called with each new LastProcessingResult.
    report_seconds: between two publications of metrics and offsets.
    """

    def __init__(
        self,
        settings: Settings,
        invoker: Invoker,
        report: Callable[[str], None],
        clients: Clients,
        report_seconds: float = reporter.SECONDS,
    ) -> None:
        system_log.install()
        self.settings = settings
        self.counters = Counters()
        self.processing_result = ProcessingResult(report)
        self._committer = Committer(settings.topic, self.counters)
        self._destination = open_destination(settings, clients)
        self._dispatcher = Dispatcher(
            settings, invoker, self._destination, self.counters, self.processing_result, self._committer.request
        )
        self._poller = Poller(settings, self._dispatcher, self._committer, self.counters, self.processing_result)
        self._log_stream = LogStream(settings, clients)
        self._log = SystemLog(settings, self._log_stream.put)
        self._reporter = reporter.Reporter(
            settings, self.counters, self._dispatcher.positions, self._log, clients, report_seconds
        )
        self._thread: Thread | None = None

    def start(self, started: Callable[[], None] = lambda: None) -> None:
        """Poll in a thread of its own until `stop`.

        started: called once the starting position is fixed, or once it turns out that no broker answers yet.
        """
        name = f"kafka-trigger-{self.settings.uuid}"
        self._thread = Thread(target=self._run, args=(started,), name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin to stop: start no more invocations, commit those in flight, leave the group. `join` waits for that."""
        self._dispatcher.stop()
        self._poller.stop()

    def conditions(self) -> tuple[Condition, ...]:
        """Return what it is doing, and what keeps it from settling records. Any thread may call it."""
        return arrange((*self._poller.conditions(), *self._dispatcher.conditions()))

    def owned_partitions(self) -> tuple[int, ...]:
        """Return the partitions that the group has assigned to it."""
        return tuple(sorted(self._dispatcher.positions()))

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it has stopped. Returns False if *timeout* (seconds) passed first."""
        if self._thread:
            self._thread.join(timeout)
        return not (self._thread and self._thread.is_alive())

    def _run(self, started: Callable[[], None]) -> None:
        CURRENT.set(self._log)
        if self.settings.log_level:
            self._log_stream.start()
        self._reporter.start()
        self._poller.run(started)
        if self._destination:
            self._destination.close()
        self._reporter.stop()
        self._log_stream.close()
