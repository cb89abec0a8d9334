"""What a record on a dead-letter topic says about its original and its failure, whoever wrote it.

| dialect | recognized by | confirmed in |
|---|---|---|
| `millrace` | `dlq_topic` | `kernel.messaging.dead_letters` |
| `spring` | `kafka_dlt-original-topic`, numbers in big-endian bytes | Spring for Apache Kafka, `KafkaHeaders` |
| `connect` | `__connect.errors.topic`, numbers as text | Kafka Connect, `DeadLetterQueueReporter` |
| `share-group` | `__dlq.errors.topic`, numbers as text | Kafka 4.4 (KIP-1191), `ShareGroupDLQStateManager` |
| `trigger` | a JSON value with `requestContext` and `KafkaBatchInfo` | AWS Lambda, "Capturing discarded batches" |
| `unknown` | nothing of these | none |

What a dialect does not say, or says in a form that it should not have, is None.
"""

import struct
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from kernel.messaging import causes, markers
from kernel.messaging.log_record import LogHeader, LogRecord

type Dialect = Literal["millrace", "spring", "connect", "share-group", "trigger", "unknown"]
type Headers = Mapping[str, bytes | None]

_SPRING, _CONNECT, _SHARE = "kafka_dlt-", "__connect.errors.", "__dlq.errors."


class Letter(NamedTuple):
    """What is known of a failure.

    *id*: by which repeats of one letter are recognized.
    *topic*, *partition*, *offset*, *timestamp*: the place of the record that failed, and its time in milliseconds.
    *consumer*: the consumer group.
    *where*: file and line, or the nearest that is known.
    *fingerprint*: the same for all letters of one cause.
    *redrive_count*: how often the record was redriven before it failed.
    *first_partition*, *first_offset*: the place of the first original, before any redrive.
    """

    dialect: Dialect
    id: UUID | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    timestamp: int | None = None
    consumer: str | None = None
    error_class: str | None = None
    error_message: str | None = None
    where: str | None = None
    fingerprint: str | None = None
    attempts: int | None = None
    first_failed_at: str | None = None
    redrive_count: int = 0
    first_partition: int | None = None
    first_offset: int | None = None


def read(record: LogRecord) -> Letter:
    """Return what *record*, from a dead-letter topic, says about its failure."""
    headers: Headers = dict(reversed(record.headers))
    if "dlq_topic" in headers:
        letter = _millrace(headers)
    elif f"{_SPRING}original-topic" in headers:
        letter = _spring(headers)
    elif f"{_CONNECT}topic" in headers:
        letter = _connect(headers)
    elif f"{_SHARE}topic" in headers:
        letter = _share_group(headers)
    else:
        letter = _trigger(_document(record.value)) or Letter("unknown")
    redriven = _integer(headers.get(markers.REDRIVE_COUNT)) or 0
    first = _integer(headers.get(markers.REDRIVE_PARTITION)), _integer(headers.get(markers.REDRIVE_OFFSET))
    partition, offset = first if redriven and None not in first else (letter.partition, letter.offset)
    cause = letter.fingerprint or _fingerprint(letter)
    return letter._replace(redrive_count=redriven, first_partition=partition, first_offset=offset, fingerprint=cause)


def original(record: LogRecord) -> LogRecord | None:
    """Return the record that failed, as its letter has kept it. None if the letter has no copy of it, or only a part.

    Its place is that of the letter; what the dialect added to its headers stays.
    """
    letter = read(record)
    if letter.dialect == "trigger":
        return _of_trigger(record)
    # A share group's letter has none of the original's headers, and may have no value.
    return None if letter.dialect == "share-group" else record


def _millrace(headers: Headers) -> Letter:
    return Letter(
        "millrace",
        id=_uuid(headers.get("dlq_id")),
        topic=_text(headers.get("dlq_topic")),
        partition=_integer(headers.get("dlq_partition")),
        offset=_integer(headers.get("dlq_offset")),
        timestamp=_integer(headers.get("dlq_timestamp")),
        consumer=_text(headers.get("dlq_consumer")),
        error_class=_text(headers.get("dlq_error_class")),
        error_message=_text(headers.get("dlq_error_message")),
        where=_text(headers.get(markers.DLQ_ERROR_WHERE)),
        fingerprint=_text(headers.get(markers.DLQ_FINGERPRINT)),
        attempts=_integer(headers.get("dlq_attempts")),
        first_failed_at=_text(headers.get("dlq_first_failed_at")),
    )


def _spring(headers: Headers) -> Letter:
    """Spring wraps the cause: its class says more than that of the wrapper."""
    cause = _text(headers.get(f"{_SPRING}exception-cause-fqcn"))
    trace = _text(headers.get(f"{_SPRING}exception-stacktrace"))
    return Letter(
        "spring",
        topic=_text(headers.get(f"{_SPRING}original-topic")),
        partition=_number(headers.get(f"{_SPRING}original-partition"), ">i"),
        offset=_number(headers.get(f"{_SPRING}original-offset"), ">q"),
        timestamp=_number(headers.get(f"{_SPRING}original-timestamp"), ">q"),
        consumer=_text(headers.get(f"{_SPRING}original-consumer-group")),
        error_class=cause or _text(headers.get(f"{_SPRING}exception-fqcn")),
        error_message=_text(headers.get(f"{_SPRING}exception-message")),
        where=_java_frame(trace),
    )


def _connect(headers: Headers) -> Letter:
    """Connect has no consumer: the connector's group is `connect-<name>` unless its worker says otherwise."""
    connector = _text(headers.get(f"{_CONNECT}connector.name"))
    frame = _java_frame(_text(headers.get(f"{_CONNECT}exception.stacktrace")))
    return Letter(
        "connect",
        topic=_text(headers.get(f"{_CONNECT}topic")),
        partition=_integer(headers.get(f"{_CONNECT}partition")),
        offset=_integer(headers.get(f"{_CONNECT}offset")),
        consumer=connector and f"connect-{connector}",
        error_class=_text(headers.get(f"{_CONNECT}exception.class.name")),
        error_message=_text(headers.get(f"{_CONNECT}exception.message")),
        where=frame or _text(headers.get(f"{_CONNECT}class.name")),
    )


def _share_group(headers: Headers) -> Letter:
    return Letter(
        "share-group",
        topic=_text(headers.get(f"{_SHARE}topic")),
        partition=_integer(headers.get(f"{_SHARE}partition")),
        offset=_integer(headers.get(f"{_SHARE}offset")),
        consumer=_text(headers.get(f"{_SHARE}group")),
        error_message=_text(headers.get(f"{_SHARE}message")),
        attempts=_integer(headers.get(f"{_SHARE}delivery.count")),
    )


def _trigger(document: Any) -> Letter | None:  # noqa: ANN401 - JSON
    """Return what an on-failure record of Lambda says, whose `payload` is the invocation. None for another document."""
    request, batch = _member(document, "requestContext"), _member(document, "KafkaBatchInfo")
    if not isinstance(request, Mapping) or not isinstance(batch, Mapping):
        return None
    failed = _first_record(document)
    answer = _member(document, "responseContext")
    topic, partition, offset = _stated_place(batch)
    return Letter(
        "trigger",
        id=_uuid(request.get("requestId")),
        topic=_typed(failed.get("topic"), str) if failed else topic,
        partition=_typed(failed.get("partition"), int) if failed else partition,
        offset=_typed(failed.get("offset"), int) if failed else offset,
        timestamp=_typed(failed.get("timestamp"), int),
        error_class=_typed(request.get("condition"), str),
        error_message=_typed(_member(answer, "functionError"), str),
        where=_typed(request.get("functionArn"), str),
        attempts=_typed(request.get("approximateInvokeCount"), int),
        first_failed_at=_typed(document.get("timestamp"), str),
    )


def _stated_place(batch: Any) -> tuple[str | None, int | None, int | None]:  # noqa: ANN401 - JSON
    """Return the place of the record, or of the first one of a batch, which is under `topic-partition`."""
    if info := _member(batch, "recordInfo"):
        return None, None, _integer(_member(info, "offset"))
    spans = _member(batch, "recordsInfo")
    label, span = next(iter(spans.items()), ("", None)) if isinstance(spans, Mapping) else ("", None)
    topic, _, partition = label.rpartition("-")
    return topic or None, _integer(partition), _integer(_member(span, "firstRecordOffset"))


def _of_trigger(record: LogRecord) -> LogRecord | None:
    failed = _first_record(_document(record.value))
    try:
        headers: list[LogHeader] = [
            (str(name), bytes(each & 0xFF for each in value))
            for header in failed.get("headers") or []
            for name, value in header.items()
        ]
        key, value = (None if failed.get(name) is None else b64decode(failed[name]) for name in ("key", "value"))
        place = int(failed["partition"]), int(failed["offset"]), int(failed.get("timestamp") or 0)
        return LogRecord(str(failed["topic"]), *place, key, value, headers)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _first_record(document: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
    """Return the first record of the invocation in an on-failure document, or an empty mapping."""
    payload = _member(document, "payload")
    partitions = _member(_document(payload.encode()) if isinstance(payload, str) else payload, "records")
    records = next(iter(partitions.values()), None) if isinstance(partitions, Mapping) else None
    found = records[0] if isinstance(records, list) and records else None
    return found if isinstance(found, Mapping) else {}


def _fingerprint(letter: Letter) -> str | None:
    """Return a fingerprint for a letter that brings none: of what is the same in all of its kind."""
    if letter.error_class is None and letter.error_message is None:
        return None
    where = (letter.where or "").rpartition(":")[0] if letter.dialect != "trigger" else letter.where or ""
    message = causes.without_values(letter.error_message or "") if letter.where is None else ""
    return causes.fingerprint([letter.dialect, letter.consumer or "", letter.error_class or "", where, message])


def _java_frame(trace: str | None) -> str | None:
    """Return the first frame of the last cause of a Java stack trace, as `Class.method(File.java:12)`; None if there is none."""
    lines = [line.strip() for line in (trace or "").rpartition("Caused by: ")[2].splitlines()]
    return next((line.removeprefix("at ") for line in lines if line.startswith("at ")), None)


def _document(value: bytes | None) -> Any:  # noqa: ANN401 - JSON
    try:
        return msgspec.json.decode(value or b"null")
    except (msgspec.DecodeError, RecursionError):
        return None


def _member(value: Any, name: str) -> Any:  # noqa: ANN401 - JSON
    return value.get(name) if isinstance(value, Mapping) else None


def _typed[T](value: object, kind: type[T]) -> T | None:
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else None


def _integer(value: object) -> int | None:
    text = value if isinstance(value, str) else _text(value)
    return int(text) if text and len(text) < 20 and text.isascii() and text.isdecimal() else None  # noqa: PLR2004 - of 64 bits


def _number(value: bytes | None, form: str) -> int | None:
    if value is None or len(value) != struct.calcsize(form):
        return None
    [number] = struct.unpack(form, value)
    return int(number)


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value if isinstance(value, str) else _text(value) or "")
    except ValueError:
        return None
