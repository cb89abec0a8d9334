"""One log line for each applied event: its id, its type and its user, and nothing else of it."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from kernel.contracts.event import Event, type_of
from kernel.messaging.events import Record
from kernel.telemetry import logger

# Names of the field that holds the user, in the contracts of the domains.
USER_FIELDS = ("user_id", "author_id", "customer_id")


class Line(msgspec.Struct, omit_defaults=True, rename="camel"):
    level: str
    message: str
    timestamp: str
    service: str
    event_id: UUID
    event_type: str
    user_id: str | UUID | None = None
    correlation_id: str | None = msgspec.field(default=None, name="correlation_id")


def write(level: str, applied: Iterable[tuple[UUID, object, Record]]) -> None:
    """Log a line for each of *applied* at *level*.

    Encodes and writes the lines itself: with the logger's time per line, logging would limit the rate of consumption.
    """
    if logger.log_level > logging.getLevelNamesMapping()[level]:
        return
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    lines = (
        Line(
            level=level,
            message="event applied",
            timestamp=now,
            service=str(logger.service),
            event_id=event_id,
            event_type=_type_of(event, record),
            user_id=next((user for field in USER_FIELDS if (user := getattr(event, field, None)) is not None), None),
            correlation_id=record.header("ce_correlationid")[0],
        )
        for event_id, event, record in applied
    )
    handler = logger.registered_handler
    if isinstance(handler, logging.StreamHandler):
        handler.stream.write("".join(f"{msgspec.json.encode(line).decode()}\n" for line in lines))
        handler.flush()


def _type_of(event: object, record: Record) -> str:
    """Return the event's type. An undecoded record's is in its header, if anywhere."""
    if isinstance(event, Event):
        return str(getattr(event, "event_type", None) or type_of(type(event)))
    return record.header("ce_type")[0] or "record"
