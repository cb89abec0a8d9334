"""Checks a client's JSON against a msgspec structure and names every field that is wrong, not only the first."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec.structs import fields

from kernel.errors import FieldProblem, InvalidError


def convert[T](value: object, expected: type[T], *, path: str = "", strict: bool = True) -> T:
    """*value* (of JSON's types) as *expected*; *strict* = false takes text for numbers, as in a query.

    Raises InvalidError with one problem for each wrong, missing or unknown field; their paths begin with *path*.
    """
    try:
        return msgspec.convert(value, expected, strict=strict)
    except msgspec.ValidationError:
        problems = tuple(_problems(value, expected, path, strict=strict))
        message = f"{len(problems)} field{'s are' if len(problems) > 1 else ' is'} wrong."
        raise InvalidError(message, problems) from None


def _problems(value: object, expected: Any, path: str, *, strict: bool) -> Iterator[FieldProblem]:  # noqa: ANN401 - a type
    if _is_structure(expected) and isinstance(value, Mapping):
        yield from _in_structure(value, expected, path, strict=strict)
    elif _is_structure(_item(expected)) and isinstance(value, list):
        found = [
            problem
            for index, item in enumerate(value)
            for problem in _problems(item, _item(expected), f"{path}[{index}]", strict=strict)
        ]
        yield from found or _own_problem(value, expected, path, strict=strict)
    else:
        yield from _own_problem(value, expected, path, strict=strict)


def _in_structure(
    value: Mapping[str, object], expected: type[msgspec.Struct], path: str, *, strict: bool
) -> Iterator[FieldProblem]:
    known = {field.encode_name: field for field in fields(expected)}
    for name, field in known.items():
        if name in value:
            yield from _problems(value[name], field.type, _join(path, name), strict=strict)
        elif field.required:
            yield FieldProblem(_join(path, name), "is required")
    if expected.__struct_config__.forbid_unknown_fields:
        yield from (FieldProblem(_join(path, name), "is not a known field") for name in value if name not in known)


def _own_problem(value: object, expected: Any, path: str, *, strict: bool) -> Iterator[FieldProblem]:  # noqa: ANN401 - a type
    try:
        msgspec.convert(value, expected, strict=strict)
    except msgspec.ValidationError as error:
        # msgspec says `Expected `str`, got `int` - at `$.name`` and knows the path below this value only.
        message, _, below = str(error).partition(" - at `$")
        yield FieldProblem(path + below.rstrip("`") or "body", message)


def _is_structure(expected: object) -> bool:
    return isinstance(expected, type) and issubclass(expected, msgspec.Struct)


def _item(expected: Any) -> object:  # noqa: ANN401 - a type
    """The type of the items of `list[X]` or `tuple[X, ...]`, annotated or not."""
    if get_origin(expected) is Annotated:
        expected = expected.__origin__
    return get_args(expected)[0] if get_origin(expected) in (list, tuple) else None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
