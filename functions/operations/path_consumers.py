"""What became of a record in each of its consumers, for `trace_event`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from kernel.errors import UnavailableError
from kernel.messaging import events, inbox
from kernel.messaging.markers import ALL_EFFECTS, FOR_CONSUMER, REPLAY_EFFECTS, REPLAY_ID
from kernel.messaging.topic_log import TopicLog
from kernel.storage import database
from kernel.storage.database import Connection
from operations import path_letters, path_logs, path_outbox, path_rows
from operations.consumers import Consumer
from operations.path_letters import Letter
from operations.path_outbox import Stored
from operations.path_rows import Report
from operations.path_topics import Seen

APPLIED, DEAD_LETTERED, WAITS, PASSED_OVER, UNKNOWN = "applied", "dead-lettered", "waits", "passed over", "unknown"


class Handled(Struct, frozen=True):
    """The row in the inbox of an event that was applied.

    *transaction*: the number of the transaction, or of the savepoint, that wrote it.
    *events*: how many events it took. With 1, all that it wrote is this event's.
    *report*: what it wrote.
    *published*: events that it stored in the outbox.
    *beside*: events of the same correlation, stored by others of the domain between the record and this transaction.
    """

    at: datetime
    transaction: str
    events: int
    report: Report
    published: list[Stored]
    beside: list[Stored]


class Step(Struct, frozen=True):
    """What one consumer did. *state*: one of the words above. *explanation*: why, if there is a reason.

    *committed*: the next offset that its group reads. None: the group has committed none.
    *returned*: how often its log says that the record was returned to Kafka, by error.
    """

    consumer: str
    group: str
    state: str
    explanation: str | None
    committed: int | None
    returned: dict[str, int]
    handled: Handled | None
    letters: list[Letter]
    notes: list[str]


def look(
    consumer: Consumer, record: Seen, committed: Mapping[tuple[str, int], int], log: TopicLog, *, with_rows: bool
) -> Step:
    """Return what *consumer* did with *record*. *committed*: of its group."""
    next_offset = committed.get((record.topic, record.partition))
    has_read = next_offset is not None and next_offset > record.offset
    if reason := _reason_to_skip(consumer, record):
        state = PASSED_OVER if has_read else WAITS
        return Step(consumer.name, consumer.group, state, reason, next_offset, {}, None, [], [])
    try:
        with database.transaction(consumer.domain, "ro") as connection:
            handled, refused = _handled(connection, consumer, record, with_rows=with_rows)
    except UnavailableError as error:
        unread = f"The database of {consumer.domain} was not read: {error.__cause__ or error}."
        return Step(consumer.name, consumer.group, UNKNOWN, None, next_offset, {}, None, [], [unread])
    letters: list[Letter] = []
    note: str | None = None
    # A mapping dead-letters by itself what its function never answered: the inbox knows nothing of it.
    if refused is not None or (handled is None and has_read):
        letters, note = path_letters.find(log, consumer, record, refused or [])
    lines, lines_note = _lines(consumer, record, handled)
    state, explanation = _state(handled, letters, lines, has_read=has_read)
    returned = Counter(str(line.get("error")) for line in lines if line.get("message") == "partition waits")
    notes = [each for each in (note, lines_note) if each]
    return Step(consumer.name, consumer.group, state, explanation, next_offset, returned, handled, letters, notes)


def _state(
    handled: Handled | None, letters: Sequence[Letter], lines: Sequence[path_logs.Line], *, has_read: bool
) -> tuple[str, str | None]:
    """Return what became of the record, and why, if there is a reason."""
    if handled:
        return APPLIED, "after it was a dead letter" if letters else None
    if letters:
        return DEAD_LETTERED, None
    if not has_read:
        return WAITS, None
    if any(line.get("message") == "event is not ours" for line in lines):
        return PASSED_OVER, "the event is not the application's"
    return PASSED_OVER, "its inbox has no row: filtered, about a forgotten person, or longer ago than it remembers"


def _reason_to_skip(consumer: Consumer, record: Seen) -> str | None:
    type_ = record.headers.get("ce_type")
    addressee, replay = record.headers.get(FOR_CONSUMER), record.headers.get(REPLAY_ID)
    if addressee is not None and addressee != consumer.group:
        return f"the record is for {addressee}"
    if replay and consumer.ignores_replays and record.headers.get(REPLAY_EFFECTS) != ALL_EFFECTS:
        return "it ignores replays"
    if type_ is not None and type_ not in consumer.types:
        return f"it does not read {type_}"
    return None


def _handled(
    connection: Connection, consumer: Consumer, record: Seen, *, with_rows: bool
) -> tuple[Handled | None, list[Stored] | None]:
    """Return what the event's row in the inbox tells, and what the transaction that refused the record stored, if one did.

    An applied event is in the inbox by its id. A dead letter is there by the record's place: another record may follow.
    """
    scope = inbox.scope_of(consumer.group, consumer.generation)
    id_ = events.id_of(record.headers["ce_id"], record.headers.get("ce_source"))
    place = events.Record(record.topic, record.partition, record.offset, record.timestamp, None, None, []).id
    found = {
        event_id: (at, transaction)
        for event_id, at, transaction in connection.execute(
            "SELECT event_id, handled_at, xmin::text FROM inbox WHERE consumer = %s AND event_id = ANY(%s)",
            (scope, [id_, place]),
        )
    }
    refused = _stored(connection, consumer, record, found[place][0]) if place in found else None
    if id_ not in found:
        return None, refused
    at, transaction = found[id_]
    [(several,)] = connection.execute(
        "SELECT count(*) FROM inbox WHERE handled_at = %s AND xmin = %s::xid", (at, transaction)
    )
    rows = [row for row in _stored(connection, consumer, record, at) if not row.is_dead_letter]
    return Handled(
        at,
        transaction,
        int(several),
        path_rows.find(connection, transaction, record.key, with_rows=with_rows),
        [row for row in rows if row.created_at == at and _may_follow(row, record, int(several))],
        [row for row in rows if row.created_at < at and not row.concerns(record.headers["ce_id"])],
    ), refused


def _stored(connection: Connection, consumer: Consumer, record: Seen, at: datetime) -> list[Stored]:
    since = min(at, datetime.fromtimestamp(record.timestamp / 1000, UTC))
    correlation = record.headers.get("ce_correlationid", "")
    return path_outbox.of_transaction(connection, consumer.domain, at, since, correlation)


def _may_follow(row: Stored, record: Seen, events_together: int) -> bool:
    """Return whether the row may be the event's: of its correlation, or of a batch with one event."""
    same = row.headers.get("ce_correlationid") == record.headers.get("ce_correlationid")
    return same or events_together == 1


def _lines(consumer: Consumer, record: Seen, handled: Handled | None) -> tuple[list[path_logs.Line], str | None]:
    """Return what the consumer logged about the record's place."""
    since = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    until = handled.at + path_logs.TOLERANCE if handled else datetime.now(UTC)
    place = f"{record.topic}-{record.partition}"
    lines, note = path_logs.about(consumer.domain, place, since - path_logs.TOLERANCE, until)
    return [each for each in lines if each.get("partition") == place and each.get("offset") == record.offset], note
