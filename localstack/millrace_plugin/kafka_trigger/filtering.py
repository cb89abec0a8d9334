"""Filter records by FilterCriteria (kafka-filtering, invocation-eventfiltering, F1 to F6).

A pattern is compiled once, which also checks it. Decision 0062 says why LocalStack's engine is not used.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from millrace_plugin.kafka_trigger.filter_rules import (
    MISSING,
    InvalidPatternError,
    Json,
    Number,
    PlainText,
    Rules,
    compile_rules,
)

LONGEST_PATTERN = 4096
OR = "$or"
LEAST_ALTERNATIVES = 2


def check_pattern(pattern: str) -> None:
    """Check one filter's pattern.

    Raises:
        InvalidPatternError: it is invalid, or filters by something that Kafka records do not have.
    """
    _compile(pattern)


class Filter:
    """Apply the filters of a mapping. A record passes if one of them matches (F1)."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [_compile(pattern) for pattern in patterns]

    def passes(self, value: bytes | None) -> bool:
        """Return whether the record with this value goes to the function.

        A value passes if no filter applies to it: null, not UTF-8, or nested too deeply.
        """
        if value is None:
            return True
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return True
        document = _parse(text)
        try:
            return any(pattern.passes(PlainText(text), document) for pattern in self._patterns)
        except RecursionError:
            return True


@dataclass(frozen=True)
class _Fields:
    """An object of a pattern: all its fields match."""

    fields: Mapping[str, "_Fields | Rules"]
    alternatives: tuple["_Fields", ...] = ()
    """The objects of `$or`, of which one must match too, if there are any."""

    @property
    def only_missing(self) -> bool:
        return not self.alternatives and all(each.only_missing for each in self.fields.values())

    def match(self, node: Json) -> bool:
        """Match an object, or one element of an array of objects."""
        if isinstance(node, list):
            among = all if self.only_missing else any
            return among(self.match(element) for element in node)
        fields = node if isinstance(node, dict) else {}
        return all(each.match(fields.get(name, MISSING)) for name, each in self.fields.items()) and (
            not self.alternatives or any(alternative.match(node) for alternative in self.alternatives)
        )


@dataclass(frozen=True)
class _Pattern:
    """A whole pattern. A part for the other kind of value, JSON document or plain text, is not applied."""

    value: _Fields | Rules | None
    alternatives: tuple["_Pattern", ...] = ()

    def passes(self, text: PlainText, document: Json) -> bool:
        if isinstance(self.value, Rules):
            fits = document is not MISSING or self.value.match(text)
        else:
            fits = document is MISSING or self.value is None or self.value.match(document)
        return fits and (
            not self.alternatives or any(alternative.passes(text, document) for alternative in self.alternatives)
        )


def _parse(text: str) -> Json:
    """Parse a JSON object or array. Returns MISSING for plain text."""
    try:
        document = _decode(text)
    except (ValueError, RecursionError):
        return MISSING
    return document if isinstance(document, dict | list) else MISSING


def _decode(text: str) -> Json:
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _compile(pattern: str) -> _Pattern:
    if len(pattern) > LONGEST_PATTERN:
        raise InvalidPatternError(f"It has {len(pattern)} characters, of {LONGEST_PATTERN} at most.")
    try:
        return _compile_pattern(_object(_decode(pattern), "The pattern"))
    except ValueError as error:
        raise InvalidPatternError(f"It is not JSON: {error}.") from error
    except RecursionError as error:
        raise InvalidPatternError("It is nested too deeply.") from error


def _compile_pattern(pattern: dict[str, Json]) -> _Pattern:
    for key in pattern:
        if key not in {"value", OR}:
            raise InvalidPatternError(f'Records of Kafka can be filtered by "value" only, not by "{key}".')
    value = _compile_field(pattern["value"], "value") if "value" in pattern else None
    return _Pattern(value, _alternatives(pattern, _compile_pattern))


def _compile_field(pattern: Json, where: str) -> _Fields | Rules:
    if isinstance(pattern, list):
        return compile_rules(pattern, where)
    return _compile_fields(_object(pattern, f'"{where}"'))


def _compile_fields(pattern: dict[str, Json]) -> _Fields:
    if not pattern:
        raise InvalidPatternError("Empty objects are not allowed: give them fields, or leave them out.")
    fields = {name: _compile_field(each, name) for name, each in pattern.items() if name != OR}
    return _Fields(fields, _alternatives(pattern, _compile_fields))


def _alternatives[Compiled](
    pattern: dict[str, Json], compile_one: Callable[[dict[str, Json]], Compiled]
) -> tuple[Compiled, ...]:
    """Compile the `$or` of an object. Empty if it has none."""
    if OR not in pattern:
        return ()
    alternatives = pattern[OR]
    if not isinstance(alternatives, list) or len(alternatives) < LEAST_ALTERNATIVES:
        raise InvalidPatternError(f'"{OR}" must be an array of at least {LEAST_ALTERNATIVES} objects.')
    return tuple(compile_one(_object(each, f'Each element of "{OR}"')) for each in alternatives)


def _object(pattern: Json, what: str) -> dict[str, Json]:
    if not isinstance(pattern, dict):
        raise InvalidPatternError(f"{what} must be an object, or a field's array of rules.")
    return pattern
