"""A record's line of JSON: every byte comes back, and Lenses' connectors read the same."""

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidError
from kernel.messaging import envelope
from kernel.messaging.log_record import LogHeader, LogRecord

CONTENTS = st.none() | st.binary() | st.text().map(str.encode)
RECORDS = st.builds(
    LogRecord,
    topic=st.text(),
    partition=st.integers(0, 2**31 - 1),
    offset=st.integers(0, 2**63 - 1),
    timestamp=st.integers(-1, 2**63 - 1),
    key=CONTENTS,
    value=CONTENTS,
    headers=st.lists(st.tuples(st.text(max_size=2), CONTENTS), max_size=5),
)


def record(key: bytes | None = b"k", value: bytes | None = b"v", headers: list[LogHeader] | None = None) -> LogRecord:
    return LogRecord("blog-events", 3, 17, 1_790_000_000_000, key, value, headers or [])


def read(one: LogRecord) -> dict[str, object]:
    fields: dict[str, object] = json.loads(envelope.encode(one))
    return fields


@given(RECORDS)
def test_every_record_comes_back_byte_for_byte(one: LogRecord) -> None:
    """Null and empty, repeated names, the order of headers, and bytes that are no text."""
    assert envelope.decode(envelope.encode(one)) == one


@given(RECORDS)
def test_a_record_is_one_line(one: LogRecord) -> None:
    assert b"\n" not in envelope.encode(one)


@given(RECORDS)
def test_a_line_is_written_the_same_again(one: LogRecord) -> None:
    line = envelope.encode(one)

    assert envelope.encode(envelope.decode(line)) == line


def test_a_line_has_the_fields_of_lenses_envelope() -> None:
    one = record(headers=[("ce_type", b"blog-published")], value=b'{"type":"blog-published"}')

    assert read(one) == {
        "key": "k",
        "value": '{"type":"blog-published"}',
        "headers": {"ce_type": "blog-published"},
        "metadata": {"topic": "blog-events", "partition": 3, "offset": 17, "timestamp": 1_790_000_000_000},
    }


def test_json_is_kept_as_it_was_formatted() -> None:
    value = b'{ "amount": 1.50,\n  "amount": 1e2 }'

    assert read(record(value=value))["value"] == value.decode()


def test_bytes_that_are_no_text_are_marked_as_lenses_marks_them() -> None:
    """The marks are present only where they are true: Lenses takes their presence for truth."""
    fields = read(record(key=b"\xff", value=b"text"))

    assert (fields["key"], fields["keyIsArray"]) == (b64encode(b"\xff").decode(), True)
    assert "valueIsArray" not in fields


def test_headers_that_an_object_cannot_hold_are_listed_too() -> None:
    """The object has the last value of a name, as Lenses' own has."""
    headers: list[LogHeader] = [("n", b"1"), ("n", b"\xff"), ("m", None), ("n", b"2")]

    fields = read(record(headers=headers))

    assert fields["headers"] == {"n": "2", "m": None}
    assert fields["headersList"] == [["n", "1"], ["n", {"base64": "/w=="}], ["m", None], ["n", "2"]]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"", "truncated"),
        (b"[]", "object"),
        (b'{"key":null,"value":null,"headers":{}}', "metadata"),
        (envelope.encode(record()).replace(b'"v"', b'{"type":"x"}'), r"\$.value"),
        (envelope.encode(record()).replace(b'"value"', b'"content"'), "content"),
        (envelope.encode(record(value=b"\xff")).replace(b"/w==", b"/w=!"), "base64"),
    ],
)
def test_another_line_is_refused_by_what_is_wrong(line: bytes, named: str) -> None:
    with pytest.raises(InvalidError, match=named):
        envelope.decode(line)
