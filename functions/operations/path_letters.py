"""Dead letters of a record and what became of them, for `trace_event`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from kernel.errors import NotFoundError
from kernel.messaging.markers import REDRIVE_ID
from kernel.messaging.topic_log import TopicLog
from operations import path_topics
from operations.consumers import Consumer
from operations.database import transaction
from operations.path_outbox import Stored
from operations.path_topics import Seen

ERROR = ("dlq_error_class", "dlq_error_message", "dlq_error_where", "dlq_fingerprint", "dlq_attempts")


class Letter(Struct, frozen=True):
    """A dead letter. *partition*, *offset*: where it is on *topic*; None while its outbox still has it.

    *error*: its headers that tell the cause.
    *state*: what an operator did with it; None for nothing so far. *task*: by which task.
    *redriven*: where it was published again.
    """

    topic: str
    partition: int | None
    offset: int | None
    timestamp: int | None
    error: dict[str, str]
    state: str | None = None
    task: str | None = None
    redriven: list[Seen] = []


def is_of(headers: Mapping[str, str], record: Seen) -> bool:
    """Return whether a dead letter with *headers* is of *record*."""
    place = (headers.get("dlq_topic"), headers.get("dlq_partition"), headers.get("dlq_offset"))
    return place == (record.topic, str(record.partition), str(record.offset))


def find(log: TopicLog, consumer: Consumer, record: Seen, stored: Sequence[Stored]) -> tuple[list[Letter], str | None]:
    """Return the record's dead letters of *consumer*, and what was not read.

    *stored*: what the transaction that refused the record has in the outbox. The outbox forgets it, the topic later.
    """
    mine = [row for row in stored if row.is_dead_letter and is_of(row.headers, record)]
    unpublished = [_letter_of_row(row) for row in mine if row.published_at is None]
    if unpublished:
        return unpublished, None
    until = None
    since = record.timestamp - path_topics.TOLERANCE_MS
    if mine and mine[0].published_at:
        since, until = path_topics.around(mine[0].created_at, mine[0].published_at)
    try:
        seen, note = path_topics.find(
            log, consumer.dead_letter_topic, since, until, lambda each: is_of(each.headers, record)
        )
    except NotFoundError as error:
        return [], str(error)
    return [_settled(log, each, record) for each in seen], note


def _letter_of_row(row: Stored) -> Letter:
    return Letter(row.topic, None, None, None, _error(row.headers))


def _settled(log: TopicLog, letter: Seen, record: Seen) -> Letter:
    """Return the letter with what an operator did with it."""
    state, task, changed = _state(letter)
    redriven: list[Seen] = []
    if task and changed:
        since, _ = path_topics.around(changed, changed)
        redriven, _ = path_topics.find(
            log,
            record.topic,
            since,
            None,
            lambda each: (
                each.headers.get(REDRIVE_ID) == task and each.headers.get("ce_id") == record.headers.get("ce_id")
            ),
        )
    return Letter(
        letter.topic, letter.partition, letter.offset, letter.timestamp, _error(letter.headers), state, task, redriven
    )


def _state(letter: Seen) -> tuple[str | None, str | None, datetime | None]:
    with transaction() as connection:
        found: Any = connection.execute(
            """
            SELECT state, task_id::text, coalesce((SELECT created_at FROM tasks WHERE id = task_id), changed_at)
            FROM letters WHERE topic = %s AND partition = %s AND "offset" = %s AND "timestamp" = %s
            """,
            (letter.topic, letter.partition, letter.offset, letter.timestamp),
        ).fetchone()
    return found or (None, None, None)


def _error(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix("dlq_"): headers[name] for name in ERROR if name in headers}
