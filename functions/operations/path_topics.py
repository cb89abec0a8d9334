"""Records of an event on its topic, for `trace_event`: found by time, so that no whole topic is read."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from kernel.messaging.log_record import LogRecord
from kernel.messaging.markers import FOR_CONSUMER, REDRIVE_COUNT, REDRIVE_ID, REPLAY_ID
from kernel.messaging.topic_log import TopicLog

# Clocks of functions and of the database differ, and a relay marks what it published some seconds later.
TOLERANCE_MS = 15_000
MOST = 20_000
MARKERS = (REPLAY_ID, REDRIVE_ID, REDRIVE_COUNT, FOR_CONSUMER)
DEAD_LETTER = ("dlq_id", "dlq_error_class", "dlq_error_message", "dlq_error_where", "dlq_fingerprint", "dlq_attempts")


class Seen(Struct, frozen=True):
    """A record. *headers*: the first of each name, as text. *marks*: those of a replay or a redrive among them."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: str | None
    headers: dict[str, str]

    @property
    def marks(self) -> dict[str, str]:
        return {name: self.headers[name] for name in MARKERS if name in self.headers}


def find(
    log: TopicLog, topic: str, since: int, until: int | None, wants: Callable[[Seen], bool]
) -> tuple[list[Seen], str | None]:
    """Return the records that *wants* takes, from *since* to before *until* (milliseconds), and what was not read.

    *until*: None reads to the end.
    """
    ends = {number: offsets.stop for number, offsets in log.ranges(topic).items()}
    starts = log.offset_at(topic, since)
    stops = ends if until is None else log.offset_at(topic, until)
    wanted = {number: range(start, stops.get(number, start)) for number, start in starts.items()}
    total = sum(map(len, wanted.values()))
    share = MOST // len(wanted)
    read = {
        number: range(offsets.start, min(offsets.stop, offsets.start + share)) for number, offsets in wanted.items()
    }
    seen = (_seen(record) for record in log.read_all(topic, read))
    found = sorted((each for each in seen if wants(each)), key=lambda each: each.timestamp)
    if total > sum(map(len, read.values())):
        told = f"{topic} has {total} records of that time; only the first {share} of each partition were read."
        return found, told
    return found, None


def around(since: datetime, until: datetime) -> tuple[int, int]:
    """Return the milliseconds between which records of that time have their timestamps."""
    return round(since.timestamp() * 1000) - TOLERANCE_MS, round(until.timestamp() * 1000) + TOLERANCE_MS


def _seen(record: LogRecord) -> Seen:
    texts = {name: value.decode(errors="replace") for name, value in reversed(record.headers) if value is not None}
    key = None if record.key is None else record.key.decode(errors="replace")
    return Seen(record.topic, record.partition, record.offset, record.timestamp, key, texts)
