"""Events on the wire: headers, bare records, and what cannot be read."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import ids, telemetry
from kernel.contracts.activity import EventType, UserEvent
from kernel.contracts.event import Event, MalformedError
from kernel.messaging import events, outbox
from kernel.messaging.events import Reader
from tests.kit.lambda_events import record, user_event


class Registered(Event, frozen=True, kw_only=True, tag_field="type", tag="user-registered"):
    topic: ClassVar[str] = "user-events"
    key: ClassVar[str] = "user_id"
    source: ClassVar[str] = "/users"
    user_id: str


def read(reader: Reader[Any], value: bytes | None, **more: Any) -> tuple[UUID, Any] | None:  # noqa: ANN401 - as `record`
    return reader.read(events.parse(record(value, **more)))


def test_reads_a_bare_record_by_its_value() -> None:
    """Type and id come from the value when there are no headers; unknown fields are ignored."""
    event_id = uuid4()
    value = msgspec.json.encode({"type": "user-registered", "eventId": str(event_id), "userId": "u", "new": 1})

    assert read(Reader(Registered), value) == (event_id, Registered(user_id="u"))


def test_reads_a_value_without_type_as_the_contract_that_has_none() -> None:
    """UserEvents never carried a type."""
    event_id = uuid4()
    found = read(Reader(UserEvent, Registered), user_event(event_id))

    assert found is not None
    assert (found[0], type(found[1])) == (event_id, UserEvent)


def test_headers_go_before_the_value() -> None:
    """`ce_type` and `ce_id` decide; an id that is no UUID is made one, the same every time, per source."""
    headers = [("ce_type", b"user-registered"), ("ce_id", b"order/5"), ("ce_source", b"/a")]
    value = b'{"type": "user-registered", "eventId": "%s", "userId": "u"}' % str(uuid4()).encode()
    once, twice = (read(Reader(Registered), value, headers=headers) for _ in range(2))
    other = read(Reader(Registered), value, headers=[*headers[:2], ("ce_source", b"/b")])

    assert once == twice != other


def test_derives_the_id_of_a_record_without_one() -> None:
    """The same at every delivery, another at every place."""
    value = b'{"type": "user-registered", "userId": "u"}'
    first, again, next_one = (read(Reader(Registered), value, offset=offset) for offset in (1, 1, 2))

    assert first == again
    assert first is not None
    assert next_one is not None
    assert first[0] != next_one[0]


def test_takes_the_id_of_the_dead_letter_that_a_record_was() -> None:
    """A letter that is redriven twice has two places and is still one event; an id of the event's own goes before."""
    value = b'{"type": "user-registered", "userId": "u"}'
    letter, event_id = str(uuid4()).encode(), str(uuid4()).encode()
    once, twice = (read(Reader(Registered), value, offset=at, headers=[("dlq_id", letter)]) for at in (1, 2))
    own = read(
        Reader(Registered),
        value,
        headers=[("dlq_id", letter), ("ce_id", event_id), ("ce_type", b"user-registered")],
    )

    assert once is not None
    assert once == twice
    assert own is not None
    assert (once[0], own[0]) == (UUID(letter.decode()), UUID(event_id.decode()))


def test_skips_other_types() -> None:
    """A type that is not asked for is no error, by header or by value, even if its value is not JSON."""
    assert read(Reader(Registered), b'{"type": "user-updated"}') is None
    assert read(Reader(Registered), b"\xff", headers=[("ce_type", b"avro-thing")]) is None


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"\xff", b"[]", b"{}", b'{"type": 5}', b'{"type": "user-registered"}', b"[" * 100_000]
)
def test_tells_what_is_malformed(value: bytes | None) -> None:
    """Not JSON, no type, or not what the contract says: one error for all."""
    with pytest.raises(MalformedError):
        read(Reader(Registered), value)


@given(key=st.none() | st.binary(), value=st.none() | st.binary(), headers=st.lists(st.tuples(st.text(), st.binary())))
def test_keeps_every_byte_of_a_record(key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    """Signed header bytes, repeated and empty names, absent keys and values come out as they went in."""
    found = events.parse(record(value, key=key, headers=headers))

    assert (found.key, found.value, found.headers()) == (key, value, headers)
    assert outbox.decode_headers(outbox.encode_headers(headers)) == headers


@pytest.mark.parametrize("absent", [{}, {"key": None, "value": None, "headers": None}])
def test_reads_null_as_absent(absent: dict[str, None]) -> None:
    """AWS is seen to send tombstones both ways (P8, P9)."""
    bare = {name: content for name, content in record(None, key=None).items() if name not in absent}
    found = events.parse(bare | absent)

    assert (found.key, found.value, found.headers()) == (None, None, [])


def test_reads_unsigned_header_bytes() -> None:
    """AWS may write bytes above 127 signed or unsigned (P10)."""
    raw = record(b"", headers=[]) | {"headers": [{"name": [195, 188]}, {"name": [-61, -68]}]}

    assert events.parse(raw).headers() == [("name", "ü".encode())] * 2


def test_publishes_with_cloudevents_headers() -> None:
    """Binary mode, the aggregate's id as key, and the trace of the work that caused it."""
    trace = telemetry.begin("request-1", None)
    event = UserEvent(
        event_id=ids.new(), user_id="u", event_type=EventType.LOGIN, timestamp=datetime.now(UTC), payload={}
    )

    key, value, pairs = events.encode(event)

    headers = dict(pairs)
    assert key == b"u"
    assert msgspec.json.decode(value)["eventId"] == headers["ce_id"].decode() == str(event.event_id)
    assert (headers["ce_type"], headers["ce_source"], headers["ce_specversion"]) == (b"UserEvent", b"/activity", b"1.0")
    assert (headers["ce_subject"], headers["ce_correlationid"]) == (b"u", b"request-1")
    assert headers["traceparent"].decode() == trace.traceparent
    raw = record(value, headers=pairs) | {"key": b64encode(key).decode()}
    assert Reader(UserEvent).read(events.parse(raw)) == (event.event_id, event)


def test_new_ids_sort_by_time() -> None:
    """UUID version 7: random, and ascending from one millisecond to the next."""
    several = [ids.new() for _ in range(1000)]

    assert {(each.version, each.variant) for each in several} == {(7, "specified in RFC 4122")}
    assert len(set(several)) == 1000
    assert [each.int >> 80 for each in several] == sorted(each.int >> 80 for each in several)
