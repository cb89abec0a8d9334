"""Events as they travel: JSON values, CloudEvents 1.0 headers in binary mode, and records that have no headers.

A contract (`kernel.contracts.<domain>`) is a frozen msgspec structure. Readers ignore fields that they do not know.
"""

from base64 import b64decode
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec

from kernel import free_json, ids, telemetry
from kernel.contracts.event import Event, MalformedError, type_of

type Header = tuple[str, bytes]


class Record(NamedTuple):
    """One Kafka record as the event source mapping delivers it. *timestamp* is in milliseconds since 1970.

    Key, value and headers are decoded when asked for: of most records only the value is.
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
        """The same for every delivery of this record, and for no other record.

        The timestamp tells it from a record at the same place of a topic that was deleted and made again.
        """
        return uuid5(NAMESPACE_OID, f"{self.topic}-{self.partition}-{self.offset}-{self.timestamp}")

    @property
    def key(self) -> bytes | None:
        return None if self.raw_key is None else b64decode(self.raw_key)

    @property
    def value(self) -> bytes | None:
        return None if self.raw_value is None else b64decode(self.raw_value)

    def headers(self) -> list[Header]:
        """All headers in order, repeated names included."""
        return [(name, _bytes(value)) for header in self.raw_headers for name, value in header.items()]

    def header(self, *names: str) -> list[str | None]:
        """The first value of each named header as text; None where it is absent or not UTF-8."""
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
    """What a value tells about itself when the headers do not."""

    type: Any = None
    event_id: Any = None


_bare = msgspec.json.Decoder(_Bare)


def parse(record: dict[str, Any]) -> Record:
    """The record of the mapping's payload; a key or value that is absent, null or "" is read as well (P8, P9, P10)."""
    return Record(
        record["topic"],
        record["partition"],
        record["offset"],
        record.get("timestamp") or 0,
        record.get("key"),
        record.get("value"),
        record.get("headers") or [],
    )


class Reader[E: Event]:
    """Reads the records of a topic as the contracts in which a consumer is interested."""

    def __init__(self, *contracts: type[E]) -> None:
        self._decoders = {
            type_of(contract): msgspec.json.Decoder(contract, float_hook=free_json.number) for contract in contracts
        }
        self._free_fields = {type_of(contract): free_json.free_fields(contract) for contract in contracts}
        self._untyped = next((type_of(each) for each in contracts if each.__struct_config__.tag is None), None)

    def read(self, record: Record) -> tuple[UUID, E] | None:
        """The event and its id, or None if its type is not among the contracts.

        From the headers `ce_id` and `ce_type`; without them from the value's `eventId` and `type`. A value without
        type is an event of the contract that has none. An event without id takes that of the dead letter that it was,
        so that a letter that is redriven twice is applied once; else the record's.
        Raises MalformedError.
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
        """Raise MalformedError if a field that takes any JSON holds what no request may hold."""
        for name in self._free_fields[type_of(type(event))]:
            for problem in free_json.problems(getattr(event, name), name):
                raise MalformedError(" ".join(problem))


def encode(event: Event) -> tuple[bytes, bytes, list[Header]]:
    """The key, the value and the headers under which *event* is published, as a step of the current trace."""
    key = str(getattr(event, event.key))
    trace = telemetry.current()
    # Id and type first: readers look for them in every record.
    headers = {
        "ce_id": str(getattr(event, "event_id", None) or ids.new()),
        "ce_type": type_of(type(event)),
        "ce_specversion": "1.0",
        "ce_source": event.source,
        "ce_time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "ce_subject": key,
        "ce_correlationid": trace.correlation_id,
        "content-type": "application/json",
        "traceparent": trace.traceparent,
    }
    return key.encode(), msgspec.json.encode(event), [(name, value.encode()) for name, value in headers.items()]


def _event_id(record: Record, text: str | None) -> UUID:
    if text is None:
        [text] = record.header("dlq_id")
    if text is None:
        return record.id
    try:
        return msgspec.convert(text, UUID)
    except msgspec.ValidationError:
        # CloudEvents lets an id be any text, unique within its source.
        return uuid5(NAMESPACE_OID, f"{record.header('ce_source')[0]} {text}")


def _bytes(values: list[int]) -> bytes:
    """The mapping writes a header's bytes as numbers, signed or not."""
    try:
        return bytes(values)
    except ValueError:
        return bytes(value & 0xFF for value in values)


def _text(values: list[int]) -> str | None:
    try:
        return _bytes(values).decode()
    except UnicodeDecodeError:
        return None
