"""Limits of free-form JSON, where the API accepts any object, and how it is shortened in responses.

Postgres writes the numbers of `jsonb` without exponents: `1e300` takes 5 bytes in a request and 301 in a response. So the
length of a number is the number of its digits without an exponent, before and after the point.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from kernel.errors import FieldProblem

MOST_LEVELS = 64
MOST_DIGITS = 40
LARGEST_INTEGER = 10**MOST_DIGITS - 1
NUMBER = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,6}))?")
# A text, so that digits in it are skipped, or a number that is long enough to be shortened.
TEXT_OR_LONG_NUMBER = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.]{19,}')


class LongNumber(float):
    """A number of more than 40 digits."""


class RepeatedNames(dict[str, Any]):
    """An object with a repeated name. *repeated*: the first such name."""

    repeated = ""


def read(raw: bytes) -> object:
    """Decode the JSON document *raw*. Values of this module's types mark what `problems` reports.

    Raises ValueError (msgspec.DecodeError, UnicodeDecodeError) or RecursionError if it is not JSON.
    """
    # Only msgspec is strict: no NaN, no half of a surrogate pair. Only json reports repeated names.
    _strict.decode(raw)
    return json.loads(raw, object_pairs_hook=_object, parse_float=number)


def number(text: str) -> float:
    """Return the number in *text*, as a LongNumber if it has more than 40 digits. A hook for decoders."""
    if len(text) <= MOST_DIGITS // 2 and "e" not in text and "E" not in text:
        return float(text)
    return float(text) if _digits(text) <= MOST_DIGITS else LongNumber(text)


# The hook accepts numbers that no float holds, so that `problems` can report their paths.
_strict = msgspec.json.Decoder(float_hook=number)


def problems(value: object, path: str, level: int = 1) -> Iterator[FieldProblem]:
    """Find deep nesting, long numbers and repeated names in *value*, which is at *path*."""
    if isinstance(value, dict):
        if level > MOST_LEVELS:
            yield _too_deep(path)
            return
        if isinstance(value, RepeatedNames):
            yield FieldProblem(_member(path, value.repeated), "is given more than once")
        for name, each in value.items():
            yield from problems(each, _member(path, name), level + 1)
    elif isinstance(value, list):
        if level > MOST_LEVELS:
            yield _too_deep(path)
            return
        for index, each in enumerate(value):
            if type(each) is not str:
                yield from problems(each, f"{path}[{index}]", level + 1)
    elif isinstance(value, LongNumber) or (isinstance(value, int) and abs(value) > LARGEST_INTEGER):
        yield FieldProblem(path or "body", f"is a number of more than {MOST_DIGITS} digits")


def free_fields(structure: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the names of the fields of *structure* that accept any JSON."""
    return tuple(field.name for field in msgspec.structs.fields(structure) if _is_free(field.type))


def shorten(text: str) -> str:
    """Return the JSON *text*, as Postgres writes it, with exponents instead of long rows of zeros."""
    return TEXT_OR_LONG_NUMBER.sub(_short, text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    marked = RepeatedNames(found)
    known: set[str] = set()
    marked.repeated = next(name for name, _ in pairs if name in known or known.add(name))  # type: ignore[func-returns-value]
    return marked


def _is_free(kind: object) -> bool:
    return kind is Any or any(_is_free(each) for each in get_args(kind))


def _digits(text: str) -> int:
    found = NUMBER.fullmatch(text)
    if found is None:
        # An exponent of more than six digits.
        return MOST_DIGITS + 1
    whole, fraction, exponent = found[1], found[2] or "", int(found[3] or 0)
    return max(len(whole) + exponent, 1) + max(len(fraction) - exponent, 0)


def _short(found: re.Match[str]) -> str:
    text = found[0]
    if text.startswith('"'):
        return text
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, fraction = digits.partition(".")
    significant = (whole + fraction).strip("0")
    if not significant:
        return "0"
    if fraction:
        exponent = len(whole + fraction) - len((whole + fraction).rstrip("0")) - len(fraction)
    else:
        exponent = len(whole) - len(whole.rstrip("0"))
    return min(text, f"{sign}{significant}e{exponent}", key=len)


def _too_deep(path: str) -> FieldProblem:
    # The whole path would be as deep as the value.
    return FieldProblem(path[:200], f"is nested more than {MOST_LEVELS} levels deep")


def _member(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
