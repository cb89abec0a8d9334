"""Report the errors of a mapping's source as `LastProcessingResult` (L1)."""

import logging

from confluent_kafka import KafkaError, KafkaException

from millrace_plugin.kafka_trigger.counters import Counters
from millrace_plugin.kafka_trigger.processing_result import (
    CONNECTION_ERROR,
    GROUP_DIFFERS,
    TOPIC_MISSING,
    ProcessingResult,
)
from millrace_plugin.kafka_trigger.settings import Settings

LOG = logging.getLogger(__name__)
NO_BROKER = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - librdkafka's own errors are named so
UNREACHABLE = {
    NO_BROKER,
    KafkaError._TRANSPORT,  # noqa: SLF001 - as above
    KafkaError._RESOLVE,  # noqa: SLF001 - as above
    KafkaError._TIMED_OUT,  # noqa: SLF001 - as above
}
MISSING = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - as above
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - as above
}


class Problems:
    """Report what prevents reading the topic, and clear it afterwards."""

    def __init__(self, settings: Settings, counters: Counters, processing_result: ProcessingResult) -> None:
        self._settings = settings
        self._counters = counters
        self._processing_result = processing_result
        self._last: str | None = None
        self._membership: str | None = None

    def report(self, error: Exception) -> None:
        """Report an error of the source."""
        self._record(self._describe(error), None if isinstance(error, KafkaException) else error)

    def report_assignor(self, assignor: str) -> None:
        """Report that the group's members use another assignment strategy.

        assignor: its name, or an empty string if it is unknown.
        """
        self._membership = GROUP_DIFFERS.format(group=self._settings.group, assignor=assignor or "another strategy")
        self._record(self._membership)

    def clear_membership(self) -> None:
        """Report that the group has assigned partitions."""
        self._membership = None
        self.clear()

    def clear(self) -> None:
        """Report that the topic can be read. A group that cannot be joined remains a problem."""
        self._last = self._membership
        self._processing_result.set_source_problem(self._membership)

    def on_client_error(self, error: KafkaError) -> None:
        """Handle librdkafka's error callback, of which only that no broker answers matters here."""
        if error.code() == NO_BROKER:
            self.report(KafkaException(error))

    def _describe(self, error: Exception) -> str:
        if is_missing(error):
            return TOPIC_MISSING.format(topic=self._settings.topic)
        if _code(error) in UNREACHABLE or isinstance(error, TimeoutError):
            return CONNECTION_ERROR.format(bootstrap=self._settings.bootstrap)
        return f"PROBLEM: {error}"

    def _record(self, problem: str, trace: Exception | None = None) -> None:
        self._counters.PollingErrorCount += 1
        if problem != self._last:
            LOG.warning("Mapping %s: %s", self._settings.uuid, problem, exc_info=trace)
        self._last = problem
        self._processing_result.set_source_problem(problem)


def is_missing(error: Exception) -> bool:
    """Return whether the brokers know no such topic."""
    return _code(error) in MISSING


def _code(error: Exception) -> int | None:
    return int(error.args[0].code()) if isinstance(error, KafkaException) else None
