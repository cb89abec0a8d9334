"""Tell from the state of a dispatcher why records are not settled.

Pure rules: the dispatcher holds its lock around every call, so that what is told was true at one moment.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from millrace_plugin.kafka_trigger.concurrency import ConcurrencyLimit
from millrace_plugin.kafka_trigger.conditions import Cause, Condition
from millrace_plugin.kafka_trigger.invoker import Answer
from millrace_plugin.kafka_trigger.partition import Partition

IMPORT_ERRORS = {
    "Runtime.ImportModuleError",
    "Runtime.UserCodeSyntaxError",
    "Runtime.HandlerNotFound",
    "Runtime.MalformedHandlerName",
}
LONGEST_DETAIL = 500


@dataclass(frozen=True)
class Moment:
    """One moment in the dispatcher's clock (seconds) and in everybody's."""

    clock: float
    time: datetime

    def at(self, clock: float) -> datetime:
        """Return when it was *clock* in the dispatcher's clock, to the second."""
        return (self.time - timedelta(seconds=self.clock - clock)).replace(microsecond=0)

    def seconds_until(self, clock: float) -> float | None:
        """Return the seconds until *clock*, or None if that depends on an event."""
        return None if clock == float("inf") else round(max(0.0, clock - self.clock), 1)


def diagnose(
    partitions: Iterable[Partition], concurrency: ConcurrencyLimit, refusal: str | None, window: float, moment: Moment
) -> Iterator[Condition]:
    """Yield what keeps the records of *partitions* from being settled.

    refusal: why the function took no invocation last. None if it took the last one.
    window: the longest wait for a batch to fill, in seconds.
    """
    owned = list(partitions)
    if refusal is not None:
        cause: Cause = "refused" if concurrency.blocked else "throttled"
        opens = moment.seconds_until(concurrency.opens_at())
        since = moment.at(concurrency.refused_since) if concurrency.refused_since is not None else None
        attempts = concurrency.refusals or None
        yield Condition(cause=cause, since=since, detail=refusal, attempts=attempts, next_seconds=opens)
    for partition in owned:
        yield from _of_partition(partition, moment)
    if running := [each for each in owned if each.in_flight]:
        records = sum(len(each.pieces[0].records) for each in running)
        yield Condition(cause="invoking", since=moment.at(min(each.started for each in running)), records=records)
    elif waiting := [each for each in owned if each.idle]:
        ends = min(each.window_start for each in waiting) + window
        count = sum(len(each.waiting) for each in waiting)
        rest = moment.seconds_until(ends)
        yield Condition(cause="window_open", records=count, next_seconds=rest, window_seconds=window)


def _of_partition(partition: Partition, moment: Moment) -> Iterator[Condition]:
    if partition.dropped:
        yield Condition(cause="dropped", partition=partition.number, detail=partition.dropped)
    if not partition.pieces or partition.failing_since is None:
        return
    work = partition.pieces[0]
    place: dict[str, Any] = {
        "partition": partition.number,
        "offset": work.records[0].offset,
        "since": moment.at(partition.failing_since),
        "next_seconds": 0.0 if partition.in_flight else moment.seconds_until(partition.not_before),
    }
    if work.condition:
        attempts, words = work.failed_deliveries, partition.delivery_error
        if attempts:
            yield Condition(cause="destination_refuses", attempts=attempts, detail=words, **place)
    elif work.attempts:
        cause: Cause = "import_failed" if work.answer and fails_at_import(work.answer) else "retrying"
        words = describe_failure(work.answer) if work.answer else None
        yield Condition(cause=cause, attempts=work.attempts, detail=words, **place)


def fails_at_import(answer: Answer) -> bool:
    """Return whether the function's module could not be imported, so that no handler ran."""
    error = _error(answer)
    trace = error.get("stackTrace") or ()
    return error.get("errorType") in IMPORT_ERRORS or bool(trace and "importlib" in str(trace[0]))


def describe_failure(answer: Answer) -> str | None:
    """Return the function's error with the last line of its traceback that is in its own code.

    Returns None if the function reported failed records instead of raising.
    """
    error = _error(answer)
    if not error:
        return None
    words = ": ".join(filter(None, (error.get("errorType"), error.get("errorMessage"))))
    own = [line for each in error.get("stackTrace") or () if "importlib" not in (line := str(each))]
    where = f" (at {' '.join(own[-1].split())})" if own else ""
    return f"{' '.join(words.split())[:LONGEST_DETAIL]}{where}"


def _error(answer: Answer) -> dict[str, Any]:
    """Return the error that the function raised, or an empty one."""
    if not answer.function_error:
        return {}
    try:
        found = json.loads(answer.payload)
    except ValueError:
        return {"errorMessage": answer.payload.decode(errors="replace")}
    return found if isinstance(found, dict) else {"errorMessage": str(found)}
