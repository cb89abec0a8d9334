"""Evaluate CloudFormation's intrinsic functions as far as a template alone allows."""

import json
import re
from collections.abc import Mapping
from typing import Any

_VARIABLE = re.compile(r"\$\{([^}]+)\}")


def evaluate(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return *value* with each intrinsic function replaced by its text.

    What only a deployment knows stays as `${Name}`: parameters, pseudo parameters, attributes. So do IAM's variables.
    A function that is not known here stays as it is.
    """
    if isinstance(value, list):
        return [evaluate(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(name, argument)] = value.items()
        if function := _FUNCTIONS.get(name):
            return function(argument)
    return {name: evaluate(each) for name, each in value.items()}


def _ref(argument: Any) -> str:  # noqa: ANN401 - JSON
    return f"${{{argument}}}"


def _get_att(argument: Any) -> str:  # noqa: ANN401 - JSON
    return _ref(argument if isinstance(argument, str) else ".".join(argument))


def _sub(argument: Any) -> str:  # noqa: ANN401 - JSON
    text, values = (argument, {}) if isinstance(argument, str) else argument
    known: Mapping[str, Any] = evaluate(values)
    return _VARIABLE.sub(lambda found: _variable(found, known), text)


def _variable(found: re.Match[str], known: Mapping[str, Any]) -> str:
    name = found[1]
    if name.startswith("!"):  # not for CloudFormation: IAM evaluates it
        return _ref(name[1:])
    return str(known.get(name, found[0]))


def _select(argument: Any) -> Any:  # noqa: ANN401 - JSON
    index, items = argument[0], evaluate(argument[1])
    return items[int(index)] if isinstance(items, list) else _ref(f"{items} {index}")


def _split(argument: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the parts, or a text that says what would be split if only a deployment knows it."""
    separator, text = argument[0], evaluate(argument[1])
    return text.split(separator) if separator in text else f"{text} split {separator!r}"


def _join(argument: Any) -> str:  # noqa: ANN401 - JSON
    separator, items = argument
    return str(separator.join(_text(each) for each in evaluate(items)))


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


_FUNCTIONS = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Join": _join,
}
