"""Decide whether a record is among those that a command chooses. The options are those of `commands.Selection`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from jsonpath import JSONPathEnvironment, JSONPathError

from kernel.errors import FieldProblem, refuse_fields
from kernel.messaging.log_record import LogRecord
from operations.commands import Selection

# The letter of RFC 9535 alone, so that a path means the same in every tool.
_paths = JSONPathEnvironment(strict=True)


class Choice:
    """The records that a selection chooses, but for `topic`, `group` and `max`, which are not properties of a record.

    Raises InvalidError for a path that is no JSONPath, and for a time range that is empty.
    """

    def __init__(self, selection: Selection) -> None:
        self.type = selection.type
        self.key = None if selection.key is None else selection.key.encode()
        self.since = _milliseconds(selection.since, 0)
        self.until = _milliseconds(selection.until, 1 << 62)
        self.where = None if selection.where is None else _compiled(selection.where)
        if self.since >= self.until:
            refuse_fields([FieldProblem("until", "must be later than `since`: nothing lies between them")])

    def has(self, record: LogRecord) -> bool:
        """Return whether *record* is chosen."""
        return (
            self.since <= record.timestamp < self.until
            and (self.key is None or record.key == self.key)
            and (self.type is None or type_of(record) == self.type)
            and (self.where is None or bool(self.where.findall([document(record)])))
        )


def refuse_group(selection: Selection) -> None:
    """Raise InvalidError if a fingerprint is given where there are no dead letters."""
    if selection.group is not None:
        refuse_fields([FieldProblem("group", "is the cause of dead letters, which these are not")])


def type_of(record: LogRecord) -> str | None:
    """Return the event's type: of the header `ce_type`, otherwise of the value's field `type`, otherwise None."""
    for name, value in record.headers:
        if name == "ce_type":
            return _text(value)
    content = _json(record.value)
    found = content.get("type") if isinstance(content, Mapping) else None
    return found if isinstance(found, str) else None


def document(record: LogRecord) -> dict[str, Any]:
    """Return *record* as `--where` sees it: decoded where it is JSON or text."""
    return {
        "key": _json(record.key),
        "value": _json(record.value),
        "headers": {name: _text(value) for name, value in reversed(record.headers)},
        "metadata": {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp": record.timestamp,
        },
    }


def _compiled(text: str) -> Any:  # noqa: ANN401 - a compiled path, of a class that is private to its library
    """Return the path of *text*: a whole one (`$…`), or what stands in a filter of it (`@.value.amount > 500`)."""
    try:
        return _paths.compile(text if text.startswith("$") else f"$[?{text}]")
    except JSONPathError as error:
        explanation = str(error).partition("\n")[0]
        refuse_fields([FieldProblem("where", f"is no JSONPath ({explanation}); try: @.value.amount > 500")])
        raise


def _json(data: bytes | None) -> Any:  # noqa: ANN401 - JSON
    """Return what *data* says as JSON, otherwise as text."""
    if data is None:
        return None
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _text(data)


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode(errors="replace")


def _milliseconds(time: datetime | None, otherwise: int) -> int:
    return otherwise if time is None else round(time.timestamp() * 1000)
