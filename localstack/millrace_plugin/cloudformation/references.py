"""Find the logical ids that a part of a template refers to."""

import re
from collections.abc import Iterator
from typing import Any

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9]+)[^}]*\}")


def find_references(part: object) -> Iterator[str]:
    """Yield the names in Ref, Fn::GetAtt and Fn::Sub."""
    if isinstance(part, dict):
        if len(part) == 1:
            [(function, argument)] = part.items()
            yield from _of_function(function, argument)
        else:
            for value in part.values():
                yield from find_references(value)
    elif isinstance(part, list):
        for value in part:
            yield from find_references(value)


def _of_function(function: str, argument: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    match function, argument:
        case "Ref", str():
            yield argument
        case "Fn::GetAtt", str():
            yield argument.partition(".")[0]
        case "Fn::GetAtt", [str(name), *_]:
            yield name
        case "Fn::Sub", str():
            yield from _PLACEHOLDER.findall(argument)
        case "Fn::Sub", [str(text), dict(values)]:
            yield from (name for name in _PLACEHOLDER.findall(text) if name not in values)
            yield from find_references(list(values.values()))
        case _:
            yield from find_references(argument)
