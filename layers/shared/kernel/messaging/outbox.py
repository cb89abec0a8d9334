"""The transactional outbox: events are stored in the transaction that causes them. `kernel.messaging.relay` publishes them."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

import msgspec

from kernel.contracts.event import Event
from kernel.messaging import events
from kernel.messaging.events import Header
from kernel.storage.database import Connection


class Message(NamedTuple):
    """A record to publish. Messages of one *aggregate* are published in the order in which they were added."""

    topic: str
    key: bytes | None
    headers: list[Header]
    value: bytes | None
    aggregate: str


def add(connection: Connection, event: Event, event_id: UUID | None = None) -> None:
    """Publish *event* once the caller's transaction has committed.

    *event_id*: under which it is published, if it has no such field. None: a new one.
    """
    add_messages(connection, [_message(event, event_id)])


def add_many(connection: Connection, several: Iterable[Event]) -> None:
    """Publish the events once the caller's transaction has committed. Sends one statement for all of them."""
    add_messages(connection, [_message(event) for event in several])


def add_messages(connection: Connection, messages: list[Message]) -> None:
    """Publish the records unchanged once the caller's transaction has committed."""
    if not messages:
        return
    topics, keys, headers, values, aggregates = zip(*messages, strict=True)
    connection.execute(
        """
        INSERT INTO outbox (topic, key, headers, value, aggregate)
        SELECT * FROM unnest(%b::text[], %b::bytea[], %b::json[], %b::bytea[], %b::text[])
        """,
        (list(topics), list(keys), [encode_headers(each) for each in headers], list(values), list(aggregates)),
    )


def encode_headers(headers: list[Header]) -> str:
    """Encode headers for the table: pairs of name and text, or of name and `{"base64": …}` for other bytes."""
    return msgspec.json.encode([(name, _storable(value)) for name, value in headers]).decode()


def decode_headers(stored: str) -> list[Header]:
    """Decode what `encode_headers` encoded."""
    return [
        (name, value.encode() if isinstance(value, str) else value.base64)
        for name, value in _stored_headers.decode(stored)
    ]


def _message(event: Event, event_id: UUID | None = None) -> Message:
    key, value, headers = events.encode(event, event_id)
    return Message(event.topic, key, headers, value, f"{event.topic} {key.decode()}")


class _Binary(msgspec.Struct):
    base64: bytes


_stored_headers = msgspec.json.Decoder(list[tuple[str, str | _Binary]])


def _storable(value: bytes) -> str | _Binary:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return _Binary(value)
    return text if text.isprintable() else _Binary(value)
