"""The logical ids that a part of a template refers to."""

import re
from collections.abc import Callable, Iterator
from typing import Any

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9]+)[^}]*\}")


def referenced(part: object, holds: Callable[[str], bool]) -> Iterator[str]:
    """Yield what Ref, Fn::GetAtt and Fn::Sub name; of an Fn::If only the branch whose condition *holds*."""
    if isinstance(part, dict):
        if len(part) == 1:
            [(function, argument)] = part.items()
            yield from _of_function(function, argument, holds)
        else:
            for value in part.values():
                yield from referenced(value, holds)
    elif isinstance(part, list):
        for value in part:
            yield from referenced(value, holds)


def _of_function(function: str, argument: Any, holds: Callable[[str], bool]) -> Iterator[str]:  # noqa: ANN401 - any JSON
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
            yield from referenced(list(values.values()), holds)
        case "Fn::If", [str(condition), then, otherwise]:
            yield from referenced(then if holds(condition) else otherwise, holds)
        case _:
            yield from referenced(argument, holds)
