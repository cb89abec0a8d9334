"""The headers by which operators' commands mark a record that they publish, and what a consumer does about them.

They are added to the record's own headers. A command that publishes a marked record again replaces its markers.
A consumer looks at them before it decodes or claims anything.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Literal

from kernel.messaging.events import Record

REPLAY_ID = "replay_id"
"""The id of the task that replays the record. A consumer that is declared with `ignores_replays` skips it."""

REPLAY_EFFECTS = "replay_effects"
"""`all`: consumers that ignore replays apply this one too. Any other value is as good as none."""

REDRIVE_ID = "redrive_id"
"""The id of the task that redrives the record: it was a dead letter."""

REDRIVE_COUNT = "redrive_count"
"""How often the record was redriven, this time included, as a decimal number."""

REDRIVE_PARTITION = "redrive_partition"
"""The partition of the first original. It stays the same however often the record is redriven."""

REDRIVE_OFFSET = "redrive_offset"
"""The offset of the first original. It stays the same however often the record is redriven."""

DERIVED_ID = "derived_id"
"""In a file to replay: nobody knows the id under which the event was published, so it has another one. No inbox knows it."""

FOR_CONSUMER = "for_consumer"
"""The consumer group that the record is for. Every other consumer skips it."""

DLQ_FINGERPRINT = "dlq_fingerprint"
"""Of a dead letter: a hash of its cause, the same for all that failed in the same way (`kernel.messaging.causes`)."""

DLQ_ERROR_WHERE = "dlq_error_where"
"""Of a dead letter: the file and line that raised the error, relative to `functions/` or to the layer."""

ALL_EFFECTS = "all"

type Skipped = Literal["for_others", "replays_ignored"]

_SKIPPING = frozenset((FOR_CONSUMER, REPLAY_ID))


def addressed(
    records: Iterable[Record], group: str, *, ignores_replays: bool, skipped: dict[str, int]
) -> Iterator[Record]:
    """Yield the records that are for the consumer, and count the others in *skipped*.

    *group*: the consumer's.
    """
    for record in records:
        reason = _skipped(record, group, ignores_replays=ignores_replays)
        if reason is None:
            yield record
        else:
            skipped[reason] += 1


def original_place(record: Record) -> tuple[int, int] | None:
    """Return partition and offset of the first original of a redriven record. Returns None for any other record."""
    task, *place = record.header(REDRIVE_ID, REDRIVE_PARTITION, REDRIVE_OFFSET)
    if task is None:
        return None
    partition, offset = (int(text) if text and text.isascii() and text.isdecimal() else None for text in place)
    return None if partition is None or offset is None else (partition, offset)


def _skipped(record: Record, group: str, *, ignores_replays: bool) -> Skipped | None:
    """Return why the consumer skips the record, or None if it does not."""
    names = _SKIPPING.intersection(chain.from_iterable(record.raw_headers))
    if not names:
        return None
    addressee, effects = record.header(FOR_CONSUMER, REPLAY_EFFECTS)
    if FOR_CONSUMER in names and addressee != group:
        return "for_others"
    if ignores_replays and REPLAY_ID in names and effects != ALL_EFFECTS:
        return "replays_ignored"
    return None
