"""The orders' events as they were published, from the event store: a source of a replay.

A line has no trace: the store does not keep it. An event from before the store kept ids has one that is derived from
its order and version, and says so in a header (`kernel.messaging.markers.DERIVED_ID`).
"""

import gzip
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5

from kernel.contracts.orders import OrderEvent
from kernel.messaging import envelope, events, markers
from kernel.messaging.log_record import UNKNOWN_PARTITION, LogHeader, LogRecord
from kernel.storage.database import Connection
from kernel.storage.keyset import GREATEST_ID
from orders import model, store
from orders.model import Recorded

PAGE = 1_000


class Page(NamedTuple):
    """The announcements of some orders, compressed.

    *orders*: how many were looked at.
    *derived_ids*: how many of the events have an id that was derived.
    *last*: the page's last order; None at the end.
    """

    content: bytes
    orders: int
    events: int
    derived_ids: int
    last: UUID | None


class Period(NamedTuple):
    """The events that were recorded from *since* to before *until*."""

    since: datetime | None
    until: datetime

    def has(self, at: datetime) -> bool:
        return (self.since is None or self.since <= at) and at < self.until


def derive_id(order_id: UUID, version: int) -> UUID:
    """Return the id of an event that was announced before the store kept ids. No consumer knows it."""
    return uuid5(order_id, str(version))


def page_after(connection: Connection, after: UUID, period: Period, number: int) -> Page:
    """Return the announcements of the orders after the order *after*.

    *number*: of events before this page.
    """
    last = store.last_of_page(connection, after, PAGE)
    histories = store.histories(connection, after, last or GREATEST_ID)
    return _page(histories, period, number, last)


def page_of(connection: Connection, order_id: UUID, period: Period) -> Page:
    """Return the announcements of one order."""
    history = store.history(connection, order_id)
    return _page([(order_id, iter(history))] if history else [], period, 0, None)


def _page(histories: Iterable[tuple[UUID, Iterator[Recorded]]], period: Period, number: int, last: UUID | None) -> Page:
    lines: list[bytes] = []
    orders = derived = 0
    for order_id, history in histories:
        orders += 1
        for recorded, event in _announced(order_id, history):
            if period.has(recorded.recorded_at):
                lines.append(envelope.encode(_record(order_id, recorded, event, number + len(lines))) + b"\n")
                derived += recorded.event_id is None
    return Page(gzip.compress(b"".join(lines), mtime=0), orders, len(lines), derived, last)


def _announced(order_id: UUID, history: Iterable[Recorded]) -> Iterator[tuple[Recorded, OrderEvent]]:
    order = None
    for recorded in history:
        order = model.evolve(order_id, order, recorded)
        yield recorded, model.announce(order, recorded.event)


def _record(order_id: UUID, recorded: Recorded, event: OrderEvent, number: int) -> LogRecord:
    """Return the event's record. Its offset is its line's number, its partition that of its key."""
    derived: list[LogHeader] = [] if recorded.event_id else [(markers.DERIVED_ID, b"1")]
    id_ = recorded.event_id or derive_id(order_id, recorded.version)
    key, value, headers = events.encode_untraced(event, id_, recorded.recorded_at)
    milliseconds = round(recorded.recorded_at.timestamp() * 1000)
    return LogRecord(event.topic, UNKNOWN_PARTITION, number, milliseconds, key, value, [*headers, *derived])
