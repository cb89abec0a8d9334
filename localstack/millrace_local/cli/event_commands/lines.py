"""Print records of the envelope's lines for people: decoded, one line each."""

import json
from base64 import b64decode
from typing import Any

from millrace_local.cli.event_commands import words

type Json = dict[str, Any]


def parse(line: str) -> Json:
    """Return the record of a line as people read it: its key, value and headers, and where it is."""
    record: Json = json.loads(line)
    return {
        "key": _text(record["key"], is_binary=record.get("keyIsArray", False)),
        "value": _text(record["value"], is_binary=record.get("valueIsArray", False)),
        "headers": record["headers"],
        "metadata": record["metadata"],
    }


def one_line(record: Json) -> str:
    """Return time, place, type, id, key and value."""
    place, headers = record["metadata"], record["headers"]
    told = (
        words.moment(place["timestamp"]),
        f"{place['topic']} {place['partition']}/{place['offset']}",
        headers.get("ce_type") or _field(record["value"], "type") or "-",
        headers.get("ce_id") or _field(record["value"], "eventId") or "-",
        f"key={record['key']}",
        " ".join((record["value"] or "null").split()),
    )
    return "  ".join(told)


def headers(record: Json) -> str:
    return "  ".join(f"{name}={value}" for name, value in record["headers"].items())


def _text(text: str | None, *, is_binary: bool) -> str | None:
    """Return the content as text. Bytes that are none are shown as they are escaped."""
    return b64decode(text).decode(errors="backslashreplace") if is_binary and text is not None else text


def _field(value: str | None, name: str) -> str | None:
    try:
        found = json.loads(value or "")
    except ValueError:
        return None
    text = found.get(name) if isinstance(found, dict) else None
    return text if isinstance(text, str) else None
