"""Keep a mapping's `LastProcessingResult`: OK, or the problem that keeps records from being processed (L1)."""

from collections.abc import Callable
from threading import Lock

NO_RECORDS = "No records processed"
OK = "OK"
FUNCTION_FAILED = "PROBLEM: Function call failed"
DESTINATION_FAILED = "PROBLEM: Delivery to the on-failure destination failed"
CONNECTION_ERROR = (
    "PROBLEM: Connection error. Please check your event source connection configuration."
    " The brokers asked were {bootstrap}."
)
GROUP_DIFFERS = (
    "PROBLEM: The members of consumer group {group} share its partitions by {assignor}, and a mapping by range or"
    " roundrobin. Give the other members one of these two, or the mapping a ConsumerGroupId of its own."
)
TOPIC_MISSING = "PROBLEM: Topic {topic} was not found."


class ProcessingResult:
    """Combine the problems of the poller and of the dispatcher.

    report: called with each new value.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._lock = Lock()
        self._source: str | None = NO_RECORDS
        self._function: str | None = None
        self._last = NO_RECORDS

    @property
    def value(self) -> str:
        return self._last

    def set_source_problem(self, problem: str | None) -> None:
        """Set what prevents reading the topic, or None after a successful poll."""
        if problem != self._source:
            self._source = problem
            self._tell()

    def set_function_problem(self, problem: str | None) -> None:
        """Set why a partition has to retry or dropped records, or None if all batches are settled."""
        if problem != self._function:
            self._function = problem
            self._tell()

    def _tell(self) -> None:
        with self._lock:
            result = self._source or self._function or OK
            if result != self._last:
                self._last = result
                self._report(result)
