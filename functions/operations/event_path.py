"""One event's way from the request to the rows that it wrote, for `trace_event`: each step from where it is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from kernel import ids, settings
from kernel.messaging import groups
from kernel.messaging.topic_log import TopicLog
from operations import consumers, path_consumers, path_logs, path_outbox, path_topics, topics
from operations.event_commands import TraceEvent
from operations.path_consumers import Step
from operations.path_outbox import Stored
from operations.path_topics import Seen

# Of a correlation, so many events are followed; the others are counted.
FOLLOWED = 20
# How long after its id came into being a record is looked for, if no outbox knows it.
PUBLISHED_WITHIN = timedelta(minutes=2)


class Request(Struct, frozen=True):
    """As the function logged it. *route*: of API Gateway, None in lines from before it was logged."""

    function: str | None
    method: str | None
    route: str | None
    status: int | None
    duration_ms: float | None
    at: str | None
    request_id: str | None
    gateway_id: str | None


class EventPath(Struct, frozen=True):
    """*outbox*: None if its row is gone, or it came from elsewhere. *records*: the first, and its copies."""

    id: str
    type: str | None
    correlation_id: str | None
    outbox: Stored | None
    records: list[Seen]
    consumers: list[Step]
    notes: list[str]


class Path(Struct, frozen=True):
    """*kind*: what the id is of. *more*: events that were not followed. *looked_at*: for an id that is nowhere."""

    id: str
    kind: str
    requests: list[Request]
    events: list[EventPath]
    more: int
    notes: list[str]
    looked_at: list[str]


class Finder:
    """Looks everywhere for what *command* asks for."""

    def __init__(self, command: TraceEvent, log: TopicLog) -> None:
        self.command = command
        self.id = command.id
        self.log = log
        self.domains = list(settings.names("DOMAINS"))
        self.since = command.since or ids.time_of(command.id)
        self.notes: list[str] = []
        self._committed: dict[str, dict[str, dict[tuple[str, int], int]]] = {}

    def path(self) -> Path:
        rows, notes = path_outbox.find(self.domains, self.id, self.since, self.command.until)
        self.notes += notes
        # A dead letter keeps the headers of its event, and is shown with the consumer that refused it.
        rows = [row for row in rows if not row.is_dead_letter]
        events = [self._stored(row) for row in rows[:FOLLOWED]] or self._on_topics()
        is_event = any(each.id == self.id for each in events)
        if is_event:
            events = [each for each in events if each.id == self.id]
        correlations = {each.correlation_id for each in events if each.correlation_id} or {self.id}
        requests = [each for correlation in sorted(correlations) for each in self._requests(correlation, rows)]
        kind = "event" if is_event else "request" if requests or events else "unknown"
        looked_at = list(self._looked_at()) if kind == "unknown" else []
        more = 0 if is_event else max(len(rows) - FOLLOWED, 0)
        return Path(self.id, kind, requests, events, more, self.notes, looked_at)

    def _stored(self, row: Stored) -> EventPath:
        """Return the path of an event whose outbox row is still there."""
        id_ = row.headers.get("ce_id", "")
        if row.published_at is None:
            return EventPath(id_, row.headers.get("ce_type"), row.headers.get("ce_correlationid"), row, [], [], [])
        since, until = path_topics.around(
            max(row.created_at, row.published_at - timedelta(minutes=1)), row.published_at
        )
        records, note = path_topics.find(
            self.log, row.topic, since, until, lambda each: each.headers.get("ce_id") == id_
        )
        return self._path(id_, row, records, [note] if note else [])

    def _on_topics(self) -> list[EventPath]:
        """Return the paths of events that no outbox knows: those of about the time of the id, on every topic."""
        if self.since is None:
            return []
        since, until = path_topics.around(self.since, self.command.until or self.since + PUBLISHED_WITHIN)
        found: dict[str, list[Seen]] = {}
        present = self.log.topics()
        for topic in filter(present.__contains__, topics.events()):
            records, note = path_topics.find(self.log, topic, since, until, self._is_wanted)
            self.notes += [note] if note else []
            for each in records:
                found.setdefault(each.headers.get("ce_id", ""), []).append(each)
        return [self._path(id_, None, records, []) for id_, records in list(found.items())[:FOLLOWED]]

    def _is_wanted(self, record: Seen) -> bool:
        return self.id in {record.headers.get("ce_id"), record.headers.get("ce_correlationid")}

    def _path(self, id_: str, row: Stored | None, records: list[Seen], notes: list[str]) -> EventPath:
        headers = row.headers if row else records[0].headers
        steps: list[Step] = []
        if records and "ce_id" in headers:
            first = records[0]
            committed = self._positions(first.topic)
            steps = [
                path_consumers.look(each, first, committed.get(each.group, {}), self.log, with_rows=self.command.rows)
                for each in consumers.of_topic(first.topic)
            ]
        elif row is not None:
            notes = [*notes, f"It is no longer on {row.topic}, or never was: its row says that it was published."]
        return EventPath(id_, headers.get("ce_type"), headers.get("ce_correlationid"), row, records, steps, notes)

    def _positions(self, topic: str) -> dict[str, dict[tuple[str, int], int]]:
        if topic not in self._committed:
            self._committed[topic] = groups.committed(each.group for each in consumers.of_topic(topic))
        return self._committed[topic]

    def _requests(self, id_: str, rows: list[Stored]) -> Iterator[Request]:
        since = min((row.created_at for row in rows), default=self.since) or datetime.now(UTC) - timedelta(days=1)
        until = self.command.until or (since + timedelta(minutes=1) if rows or self.since else datetime.now(UTC))
        lines, notes = path_logs.requests(self.domains, id_, since, until)
        self.notes += notes
        yield from map(_request, lines)

    def _looked_at(self) -> Iterator[str]:
        kept = settings.Retention.from_environment().outbox.days
        yield f"the outboxes of {', '.join(self.domains)}, which keep published rows for {kept} days"
        if self.since is None:
            yield "the functions' logs of the last day"
            yield "no topic, because the id has no time in it: give --since and --until to look through all of them"
        else:
            yield f"the functions' logs and all topics from {self.since.isoformat(timespec='seconds')} on, for some minutes"


def _request(line: dict[str, Any]) -> Request:
    return Request(
        line.get("function_name"),
        line.get("method"),
        line.get("route"),
        line.get("status"),
        line.get("duration_ms"),
        line.get("timestamp"),
        line.get("correlation_id"),
        line.get("gateway_id"),
    )
