"""Checks a client's JSON against a msgspec structure and names every wrong field, not only the first."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, TypeAliasType, Union, get_args, get_origin

import msgspec
from msgspec.structs import fields

from kernel import texts
from kernel.errors import FieldProblem, refuse_fields


def convert[T](value: object, expected: type[T], *, path: str = "") -> T:
    """Return *value* (of JSON's types) as *expected*.

    Raises InvalidError with one problem for each wrong, missing or unknown field; their paths begin with *path*.
    """
    try:
        return msgspec.convert(value, expected)
    except msgspec.ValidationError:
        refuse_fields(_problems(value, expected, path))
        raise


def members(expected: Any) -> Iterator[Any]:  # noqa: ANN401 - a type
    """Return the types that *expected* may be, without names, annotations and unions around them."""
    if isinstance(expected, TypeAliasType):
        yield from members(expected.__value__)
    elif get_origin(expected) is Annotated:
        yield from members(expected.__origin__)
    elif get_origin(expected) in (Union, UnionType):
        for each in get_args(expected):
            yield from members(each)
    else:
        yield expected


def _problems(value: object, expected: Any, path: str) -> Iterator[FieldProblem]:  # noqa: ANN401 - a type
    """Find the problems in the parts of *value*, or if there are none, its own."""
    found = False
    for problem in _in_parts(value, expected, path):
        found = True
        yield problem
    if not found:
        yield from _own_problem(value, expected, path)


def _in_parts(value: object, expected: Any, path: str) -> Iterator[FieldProblem]:  # noqa: ANN401 - a type
    for each in members(expected):
        if isinstance(each, type) and issubclass(each, msgspec.Struct) and isinstance(value, Mapping):
            yield from _in_structure(value, each, path)
        elif get_origin(each) in (list, tuple) and isinstance(value, list):
            for index, item in enumerate(value):
                yield from _problems(item, get_args(each)[0], f"{path}[{index}]")
        elif get_origin(each) is dict and isinstance(value, Mapping):
            for name, item in value.items():
                yield from _problems(item, get_args(each)[1], _join(path, name))


def _in_structure(value: Mapping[str, object], expected: type[msgspec.Struct], path: str) -> Iterator[FieldProblem]:
    known = {field.encode_name: field for field in fields(expected)}
    for name, field in known.items():
        if name in value:
            yield from _problems(value[name], field.type, _join(path, name))
        elif field.required:
            yield FieldProblem(_join(path, name), "is required")
    if expected.__struct_config__.forbid_unknown_fields:
        yield from (FieldProblem(_join(path, name), "is not a known field") for name in value if name not in known)


def _own_problem(value: object, expected: Any, path: str) -> Iterator[FieldProblem]:  # noqa: ANN401 - a type
    try:
        msgspec.convert(value, expected)
    except msgspec.ValidationError as error:
        # msgspec writes `Expected `str`, got `int` - at `$.name``, with a path below this value.
        message, _, below = str(error).partition(" - at `$")
        for pattern, explanation in texts.EXPLANATIONS.items():
            if repr(pattern) in message:
                message = explanation
        yield FieldProblem(path + below.rstrip("`") or "body", message)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
