"""Compile the rules of one field of a filter pattern, such as `["a", {"prefix": "b"}, {"numeric": [">", 5]}]` (F3, F4).

A rule is a predicate of one value. Numbers are kept as their text, because `300`, `300.0` and `3.0e2` are not equal.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt
from typing import Any

MISSING = object()
JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
COMPARISONS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {"=": eq, ">": gt, ">=": ge, "<": lt, "<=": le}
RANGES = ((">", "<"), (">", "<="), (">=", "<"), (">=", "<="))
Json = Any  # a document, or a part of one
Rule = Callable[[Json], bool]


class InvalidPatternError(Exception):
    """A filter pattern cannot be used. The message is the API's."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid filter pattern definition. {reason}")


class Number(str):
    """A JSON number as it is written."""

    __slots__ = ()


class PlainText(str):
    """The whole value of a record that is no JSON document. It equals a literal of any type that is written like it."""

    __slots__ = ()


@dataclass(frozen=True)
class Rules:
    """The rules of one field, joined by OR."""

    accepted: tuple[Rule, ...]
    """Rules for an existing value."""
    may_be_missing: bool

    @property
    def only_missing(self) -> bool:
        return self.may_be_missing and not self.accepted

    def match(self, node: Json) -> bool:
        """Return whether one of the values at *node* passes. An object is no value, and an array is its elements."""
        values = list(_values(node))
        if not values:
            return self.may_be_missing
        return any(rule(value) for rule in self.accepted for value in values)


def compile_rules(rules: list[Json], where: str) -> Rules:
    """Compile a pattern's rules for the field *where*.

    Raises:
        InvalidPatternError: Lambda documents no such rule.
    """
    if not rules:
        raise InvalidPatternError(f'"{where}" has no rule: empty arrays are not allowed.')
    missing = {"exists": False}
    compiled = tuple(_rule(rule, where) for rule in rules if rule != missing)
    return Rules(compiled, may_be_missing=missing in rules)


def _values(node: Json) -> Iterator[Json]:
    if isinstance(node, list):
        for element in node:
            yield from _values(element)
    elif node is not MISSING and not isinstance(node, dict):
        yield node


def _rule(rule: Json, where: str) -> Rule:
    if not isinstance(rule, dict):
        return _equals(rule, where)
    if len(rule) != 1:
        raise InvalidPatternError(f'A rule of "{where}" must have exactly one operator.')
    [(operator, operand)] = rule.items()
    compile_operator = OPERATORS.get(operator)
    if compile_operator is None:
        raise InvalidPatternError(f'"{operator}" of "{where}" is none of the rules {", ".join(OPERATORS)}.')
    return compile_operator(operand, where)


def _equals(literal: Json, where: str) -> Rule:
    if isinstance(literal, list):
        raise InvalidPatternError(f'A rule of "{where}" is an array: it must be a value or an object.')
    text = {None: "null", True: "true", False: "false"}.get(literal, literal)

    def equals(value: Json) -> bool:
        if isinstance(value, PlainText):
            return value == text
        return type(value) is type(literal) and value == literal

    return equals


def _anything_but(operand: Json, where: str) -> Rule:
    excluded = operand if isinstance(operand, list) else [operand]
    if {type(each) for each in excluded} not in ({str}, {Number}):
        raise InvalidPatternError(f'"anything-but" of "{where}" must be strings, or numbers.')
    equal = [_equals(each, where) for each in excluded]
    return lambda value: not any(equals(value) for equals in equal)


def _exists(operand: Json, where: str) -> Rule:
    if operand is not True:
        raise InvalidPatternError(f'"exists" of "{where}" must be true or false.')
    return lambda _: True


def _prefix(operand: Json, where: str) -> Rule:
    prefix = _text(operand, "prefix", where)
    return lambda value: _is_text(value) and value.startswith(prefix)


def _suffix(operand: Json, where: str) -> Rule:
    suffix = _text(operand, "suffix", where)
    return lambda value: _is_text(value) and value.endswith(suffix)


def _equals_ignore_case(operand: Json, where: str) -> Rule:
    lower = _text(operand, "equals-ignore-case", where).lower()
    return lambda value: _is_text(value) and value.lower() == lower


def _numeric(operand: Json, where: str) -> Rule:
    """Compile `["=", 5]`, a limit like `[">", 5]`, or a range like `[">", 0, "<=", 5]`."""
    terms = operand if isinstance(operand, list) else []
    operators, limits = tuple(terms[::2]), terms[1::2]
    known = operators in RANGES or (
        len(operators) == 1 and isinstance(operators[0], str) and operators[0] in COMPARISONS
    )
    numbers = [_decimal(limit) if isinstance(limit, Number) else None for limit in limits]
    if not known or len(limits) != len(operators) or None in numbers:
        raise InvalidPatternError(f'"numeric" of "{where}" must be like ["=", 5], [">", 5] or [">", 0, "<=", 5].')
    bounds = [
        (COMPARISONS[operator], limit) for operator, limit in zip(operators, numbers, strict=True) if limit is not None
    ]
    if len(bounds) > 1 and bounds[0][1] >= bounds[1][1]:
        raise InvalidPatternError(f'"numeric" of "{where}" is an empty range.')

    def compare(value: Json) -> bool:
        number = _decimal(value)
        return number is not None and all(holds(number, limit) for holds, limit in bounds)

    return compare


def _decimal(value: Json) -> Decimal | None:
    if not isinstance(value, Number | PlainText) or not JSON_NUMBER.fullmatch(value):
        return None
    try:
        return Decimal(value)
    except InvalidOperation:  # its exponent has too many digits
        return None


def _text(operand: Json, operator: str, where: str) -> str:
    if not _is_text(operand):
        raise InvalidPatternError(f'"{operator}" of "{where}" must be a string.')
    return str(operand)


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


OPERATORS: Mapping[str, Callable[[Json, str], Rule]] = {
    "anything-but": _anything_but,
    "equals-ignore-case": _equals_ignore_case,
    "exists": _exists,
    "numeric": _numeric,
    "prefix": _prefix,
    "suffix": _suffix,
}
