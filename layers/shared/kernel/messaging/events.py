"""Events on the wire: JSON values, CloudEvents 1.0 headers in binary mode, and records without headers.

A contract (`kernel.contracts.<domain>`) is a frozen msgspec structure. Readers ignore unknown fields.
"""

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec

from kernel import free_json, ids, telemetry
from kernel.contracts.event import Event, MalformedError, type_of
from kernel.messaging.log_record import LogRecord
from kernel.messaging.markers import REDRIVE_ID, REDRIVE_OFFSET, REDRIVE_PARTITION

type Header = tuple[str, bytes]


class Place(NamedTuple):
    """Where a record is in its topic."""

    partition: int
    offset: int


class Record(NamedTuple):
    """One Kafka record as the event source mapping delivers it.

    *timestamp*: milliseconds since 1970.
    Key, value and headers are decoded on access: most consumers need the value alone.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    raw_key: str | None
    raw_value: str | None
    raw_headers: list[dict[str, list[int]]]

    @property
    def id(self) -> UUID:
        """Return an id that is stable across redeliveries and unique per record.

        It includes the timestamp, so that a record of a re-created topic with the same partition and offset gets a
        different id.
        """
        return uuid5(NAMESPACE_OID, f"{self.topic}-{self.partition}-{self.offset}-{self.timestamp}")

    @property
    def original(self) -> Place | None:
        """Return the place of the first original of a redriven record. Returns None for any other record."""
        task, *place = self.header(REDRIVE_ID, REDRIVE_PARTITION, REDRIVE_OFFSET)
        if task is None:
            return None
        partition, offset = (int(text) if text and text.isascii() and text.isdecimal() else None for text in place)
        return None if partition is None or offset is None else Place(partition, offset)

    @property
    def key(self) -> bytes | None:
        return None if self.raw_key is None else b64decode(self.raw_key)

    @property
    def value(self) -> bytes | None:
        return None if self.raw_value is None else b64decode(self.raw_value)

    def headers(self) -> list[Header]:
        """Return all headers in order, repeated names included."""
        return [(name, _bytes(value)) for header in self.raw_headers for name, value in header.items()]

    def header(self, *names: str) -> list[str | None]:
        """Return the first value of each named header as text, or None where it is absent or not UTF-8."""
        found: dict[str, str | None] = dict.fromkeys(names)
        left = set(names)
        for header in self.raw_headers:
            for name in left.intersection(header):
                found[name] = _text(header[name])
                left.remove(name)
            if not left:
                break
        return list(found.values())


class _Bare(msgspec.Struct, rename="camel"):
    """Type and id from the value, for records without headers."""

    type: Any = None
    event_id: Any = None


_bare = msgspec.json.Decoder(_Bare)


def parse(record: dict[str, Any]) -> Record:
    """Return the record of the mapping's payload. Accepts an absent, null or empty key or value (P8, P9, P10)."""
    return Record(
        record["topic"],
        record["partition"],
        record["offset"],
        record.get("timestamp") or 0,
        record.get("key"),
        record.get("value"),
        record.get("headers") or [],
    )


def of_log(record: LogRecord) -> Record:
    """Return the record that a mapping would deliver of *record*."""
    return Record(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        _in_base64(record.key),
        _in_base64(record.value),
        [{name: list(value or b"")} for name, value in record.headers],
    )


class Reader[E: Event]:
    """Decodes the records of a topic into a consumer's contracts."""

    def __init__(self, *contracts: type[E]) -> None:
        self._decoders = {
            type_of(contract): msgspec.json.Decoder(contract, float_hook=free_json.number) for contract in contracts
        }
        self._free_fields = {type_of(contract): free_json.free_fields(contract) for contract in contracts}
        self._untyped = next((type_of(each) for each in contracts if each.__struct_config__.tag is None), None)

    def read(self, record: Record) -> tuple[UUID, E] | None:
        """Return the event and its id, or None if its type is not among the contracts.

        1. Headers: `ce_id` and `ce_type`.
        2. Without them the value: `eventId` and `type`. A value without a type is an event of the untyped contract.
        3. Without an id, of a redriven record: its first place and failure. So copies of it, also those that failed
           again, are applied once.
        4. Otherwise the header `dlq_id`, for a dead letter that was published again by other means.
        5. Otherwise the record's id.

        Raises MalformedError if there is no event in the record.
        """
        event_id, event_type = record.header("ce_id", "ce_type")
        value = record.value
        if value is None:
            message = "the record has no value"
            raise MalformedError(message)
        try:
            if event_type is None:
                bare = _bare.decode(value)
                event_type = bare.type if isinstance(bare.type, str) else self._untyped
                event_id = bare.event_id if isinstance(bare.event_id, str) else None
            decoder = self._decoders.get(event_type) if event_type is not None else None
            if decoder is not None:
                event = decoder.decode(value)
                self._check(event)
                return _event_id(record, event_id), event
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedError(str(error)) from error
        if event_type is None:
            message = "the record has no type: no header ce_type, no field type"
            raise MalformedError(message)
        return None

    def _check(self, event: E) -> None:
        """Raise MalformedError if a free-form field exceeds the limits that requests have."""
        for name in self._free_fields[type_of(type(event))]:
            for problem in free_json.problems(getattr(event, name), name):
                raise MalformedError(" ".join(problem))


def encode(event: Event, event_id: UUID | None = None) -> tuple[bytes, bytes, list[Header]]:
    """Return the key, the value and the headers of *event*, as a step of the current trace.

    *event_id*: of an event that has no such field. None: a new one.
    """
    trace = telemetry.current()
    id_ = getattr(event, "event_id", None) or event_id or ids.new()
    key, value, headers = encode_untraced(event, id_, datetime.now(UTC))
    traced = {"ce_correlationid": trace.correlation_id, "traceparent": trace.traceparent}
    return key, value, headers + [(name, text.encode()) for name, text in traced.items()]


def encode_untraced(event: Event, event_id: UUID, time: datetime) -> tuple[bytes, bytes, list[Header]]:
    """Return the key, the value and the headers of *event* without a trace, as it was published at *time*."""
    key = str(getattr(event, event.key))
    # Id and type first: readers search for them in every record.
    headers = {
        "ce_id": str(event_id),
        "ce_type": type_of(type(event)),
        "ce_specversion": "1.0",
        "ce_source": event.source,
        "ce_time": time.isoformat().replace("+00:00", "Z"),
        "ce_subject": key,
        "content-type": "application/json",
    }
    return key.encode(), msgspec.json.encode(event), [(name, text.encode()) for name, text in headers.items()]


def id_of(text: str, source: str | None) -> UUID:
    """Return the id by which an inbox knows the event with the header `ce_id` *text*.

    *source*: its header `ce_source`. A CloudEvents id may be any text that is unique within its source.
    """
    try:
        return msgspec.convert(text, UUID)
    except msgspec.ValidationError:
        return uuid5(NAMESPACE_OID, f"{source} {text}")


def _event_id(record: Record, text: str | None) -> UUID:
    if text is None:
        text, failed_at = record.header("dlq_id", "dlq_first_failed_at")
        if failed_at and (place := record.original):
            return uuid5(NAMESPACE_OID, f"{record.topic}-{place.partition}-{place.offset} failed at {failed_at}")
    return record.id if text is None else id_of(text, record.header("ce_source")[0])


def _in_base64(content: bytes | None) -> str | None:
    return None if content is None else b64encode(content).decode()


def _bytes(values: list[int]) -> bytes:
    """Return a header's bytes, which the mapping writes as signed or unsigned numbers."""
    try:
        return bytes(values)
    except ValueError:
        return bytes(value & 0xFF for value in values)


def _text(values: list[int]) -> str | None:
    try:
        return _bytes(values).decode()
    except UnicodeDecodeError:
        return None
