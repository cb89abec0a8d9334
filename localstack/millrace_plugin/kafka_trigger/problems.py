"""Report the errors of a mapping's source as `LastProcessingResult` (L1)."""

import logging
from datetime import UTC, datetime
from threading import Lock

from confluent_kafka import KafkaError, KafkaException

from millrace_plugin.kafka_trigger.conditions import Cause, Condition
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
    """Report what prevents reading the topic, and clear it afterwards. Any thread may ask for the conditions."""

    def __init__(self, settings: Settings, counters: Counters, processing_result: ProcessingResult) -> None:
        self._settings = settings
        self._counters = counters
        self._processing_result = processing_result
        self._last: str | None = None
        self._membership: str | None = None
        self._lock = Lock()
        self._told: Condition | None = None
        self._joining_since: datetime | None = None

    def conditions(self) -> tuple[Condition, ...]:
        """Return what prevents reading the topic, and whether the group has assigned no partitions yet."""
        with self._lock:
            joining = Condition(cause="joining", since=self._joining_since) if self._joining_since else None
            return tuple(each for each in (self._told, joining) if each)

    def report(self, error: Exception) -> None:
        """Report an error of the source."""
        cause, problem = self._describe(error)
        self._record(cause, problem, None if isinstance(error, KafkaException) else error)

    def report_joining(self) -> None:
        """Report that the group is asked for partitions."""
        with self._lock:
            self._joining_since = self._joining_since or _now()

    def report_assignor(self, assignor: str) -> None:
        """Report that the group's members use another assignment strategy.

        assignor: its name, or an empty string if it is unknown.
        """
        self._membership = GROUP_DIFFERS.format(group=self._settings.group, assignor=assignor or "another strategy")
        self._record("group_differs", self._membership)

    def clear_membership(self) -> None:
        """Report that the group has assigned partitions."""
        self._membership = None
        with self._lock:
            self._joining_since = None
        self.clear()

    def clear(self) -> None:
        """Report that the topic can be read. A group that cannot be joined remains a problem."""
        self._last = self._membership
        with self._lock:
            if self._membership is None:
                self._told = None
            elif self._told is None or self._told.cause != "group_differs":
                self._told = Condition(cause="group_differs", since=_now(), detail=_words(self._membership))
        self._processing_result.set_source_problem(self._membership)

    def on_client_error(self, error: KafkaError) -> None:
        """Handle librdkafka's error callback, of which only that no broker answers matters here."""
        if error.code() == NO_BROKER:
            self.report(KafkaException(error))

    def _describe(self, error: Exception) -> tuple[Cause, str]:
        if is_missing(error):
            return "topic_missing", TOPIC_MISSING.format(topic=self._settings.topic)
        if _code(error) in UNREACHABLE or isinstance(error, TimeoutError):
            return "no_broker", CONNECTION_ERROR.format(bootstrap=self._settings.bootstrap)
        return "source_failed", f"PROBLEM: {error}"

    def _record(self, cause: Cause, problem: str, trace: Exception | None = None) -> None:
        with self._lock:
            before = self._told
            since = before.since if before and before.cause == cause else _now()
            self._told = Condition(cause=cause, since=since, detail=_words(problem))
        self._counters.PollingErrorCount += 1
        if problem != self._last:
            LOG.warning("Mapping %s: %s", self._settings.uuid, problem, exc_info=trace)
        self._last = problem
        self._processing_result.set_source_problem(problem)


def is_missing(error: Exception) -> bool:
    """Return whether the brokers know no such topic."""
    return _code(error) in MISSING


def _words(problem: str) -> str:
    return problem.removeprefix("PROBLEM: ")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _code(error: Exception) -> int | None:
    return int(error.args[0].code()) if isinstance(error, KafkaException) else None
