"""Records that an operator publishes by hand: read from lines, checked, counted, and published in their order."""

import importlib
import pkgutil
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from kafka.errors import KafkaError
from msgspec import Struct

from kernel import contracts, ids
from kernel.contracts.event import Event, MalformedError
from kernel.errors import FieldProblem, InvalidError, refuse_fields
from kernel.messaging import envelope, events, kafka, markers
from kernel.messaging.kafka import Copy
from kernel.messaging.log_record import LogHeader, LogRecord
from operations import consumers, topics
from operations.event_commands import ProduceEvents
from operations.plans import Plan
from operations.selection import type_of

NOWHERE = -1
SOURCE = "/operations"
MARKERS = (markers.REPLAY_ID, markers.REDRIVE_ID, markers.FOR_CONSUMER)


class Failure(Struct, frozen=True):
    """A line that was not published. *line*: counted from 1. *certain*: whether it is known not to be on the topic."""

    line: int
    reason: str
    certain: bool


def records(command: ProduceEvents) -> list[LogRecord]:
    """Return the records of the command's lines, or the single one that its options make.

    Raises InvalidError, which names each wrong line, and for a topic to which nobody publishes by hand.
    """
    _check(command)
    if not command.lines:
        return [_single(command)]
    found, problems = [], []
    for number, line in enumerate(command.lines, 1):
        try:
            found.append(_read(command.topic, line))
        except InvalidError as error:
            problems.append(FieldProblem(f"line {number}", str(error)))
    refuse_fields(problems)
    return found


def check_contracts(several: Sequence[LogRecord], topic: str) -> list[str]:
    """Check each record against the contract of its type. Returns what could not be checked.

    Raises InvalidError, which names each record that its consumers would refuse.
    """
    reader = events.Reader(*_contracts(topic))
    problems, unknown = [], Counter[str]()
    for number, record in enumerate(several, 1):
        try:
            if reader.read(_delivered(record)) is None:
                unknown[type_of(record) or "no type"] += 1
        except MalformedError as error:
            problems.append(FieldProblem(f"line {number}", f"{error}. Its consumers would refuse it"))
    refuse_fields(problems)
    return [f"{count} of type {name} are not checked: {topic} has no such contract." for name, count in unknown.items()]


def plan_of(several: Sequence[LogRecord], topic: str) -> Plan:
    plan = Plan(datetime.now(UTC).isoformat())
    for each in several:
        plan.add(topic=topic, type=type_of(each), key=each.key, timestamp=each.timestamp)
    if without_id := sum(all(name != "ce_id" for name, _ in each.headers) for each in several):
        plan.note(
            f"{without_id} have no header ce_id: consumers tell them apart by their place or their field eventId."
        )
    if elsewhere := sum(each.topic != topic for each in several):
        plan.note(f"{elsewhere} were on another topic.")
    for marker in MARKERS:
        if marked := sum(any(name == marker for name, _ in each.headers) for each in several):
            plan.note(f"{marked} carry the header {marker}, and consumers act on it.")
    plan.note("A consumer that has applied an event with the same id skips it.")
    return plan


def readers(several: Sequence[LogRecord], topic: str) -> list[str]:
    """Return the names of the consumers that read one of the records' types."""
    types = {type_of(each) for each in several}
    return [each.name for each in consumers.of_topic(topic) if types & {None, *each.types}]


def publish(several: Sequence[LogRecord], topic: str) -> tuple[int, list[Failure]]:
    """Publish the records in their order. Returns how many are acknowledged, and which of the last batch failed.

    Ends with the first batch that has a failure: what follows a record must not come before it.
    """
    acknowledged, begun, failures = 0, 0, list[Failure]()
    while begun < len(several) and not failures:
        copies = (Copy(topic, each.key, each.headers, each.value) for each in several[begun:])
        try:
            outcomes = kafka.publish(copies, stops=True)
        except KafkaError as error:
            outcomes = [error]
        failures = [
            Failure(begun + number, repr(outcome), isinstance(outcome, (*kafka.REFUSED, kafka.NotSentError)))
            for number, outcome in enumerate(outcomes, 1)
            if outcome
        ]
        begun += len(outcomes)
        acknowledged += len(outcomes) - len(failures)
    return acknowledged, failures


def _check(command: ProduceEvents) -> None:
    problems = []
    if command.topic in topics.names() and command.topic not in topics.events():
        told = (
            "has dead letters: they are published by consumers alone, and redriven by ./millrace dead-letters redrive"
        )
        problems.append(FieldProblem("topic", told))
    elif command.topic not in topics.names():
        problems.append(FieldProblem("topic", f"is none of the application's: {', '.join(topics.events())}"))
    single = {name for name in ("key", "value", "type") if getattr(command, name) is not None}
    single |= {"header"} if command.header else set()
    if command.lines:
        problems += [FieldProblem(name, "is for a single record, without lines") for name in sorted(single)]
    elif command.value is None:
        problems.append(FieldProblem("value", "is missing: give lines, or a single record's value"))
    problems += [
        FieldProblem("header", f"{each!r} has not the form name=value") for each in command.header if "=" not in each
    ]
    refuse_fields(problems)


def _read(topic: str, line: str) -> LogRecord:
    """Return the record of a line. `headers` and `metadata` may be left out."""
    try:
        given = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError as error:
        message = f"is not a JSON object: {error}"
        raise InvalidError(message) from error
    nowhere = {"topic": topic, "partition": 0, "offset": NOWHERE, "timestamp": _now()}
    return envelope.decode(msgspec.json.encode({"key": None, "headers": {}, "metadata": nowhere, **given}))


def _single(command: ProduceEvents) -> LogRecord:
    """Return the record of the command's options. With a type it gets the headers of an event, with a new id."""
    headers: list[LogHeader] = []
    if command.type is not None:
        id_ = str(ids.new())
        named = {
            "ce_id": id_,
            "ce_type": command.type,
            "ce_specversion": "1.0",
            "ce_source": SOURCE,
            "ce_time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            **({} if command.key is None else {"ce_subject": command.key}),
            "ce_correlationid": id_,
            "content-type": "application/json",
        }
        own = {each.partition("=")[0] for each in command.header}
        headers += [(name, value.encode()) for name, value in named.items() if name not in own]
    headers += [(name, value.encode()) for name, _, value in (each.partition("=") for each in command.header)]
    key = None if command.key is None else command.key.encode()
    return LogRecord(command.topic, 0, NOWHERE, _now(), key, (command.value or "").encode(), headers)


def _now() -> int:
    return round(datetime.now(UTC).timestamp() * 1000)


def _contracts(topic: str) -> list[type[Event]]:
    for module in pkgutil.iter_modules(contracts.__path__):
        importlib.import_module(f"{contracts.__name__}.{module.name}")
    return [each for each in _leaves(Event) if each.topic == topic]


def _leaves(base: type[Event]) -> Iterator[type[Event]]:
    for derived in base.__subclasses__():
        yield from _leaves(derived) if derived.__subclasses__() else [derived]


def _delivered(record: LogRecord) -> events.Record:
    """Return the record as a mapping delivers it."""
    headers = [{name: list(value)} for name, value in record.headers if value is not None]
    value = None if record.value is None else b64encode(record.value).decode()
    key = None if record.key is None else b64encode(record.key).decode()
    return events.Record(record.topic, record.partition, record.offset, record.timestamp, key, value, headers)
