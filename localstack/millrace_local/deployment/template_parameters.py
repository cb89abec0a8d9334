"""Check the user's parameters against `template.yaml`, which LocalStack does not do.

AWS: "Parameters section structure" (CloudFormation User Guide).
"""

import re
from collections.abc import Sequence
from typing import Any

import yaml

from millrace_local.instance import ROOT
from millrace_local.problems import LocalCloudError


class ParameterError(LocalCloudError):
    """The template does not have a parameter or refuses its value; the message names both."""


def check(given: Sequence[str]) -> None:
    """Raise ParameterError unless the template takes each of *given* (`Name=value`)."""
    if not given:
        return
    known = _parameters()
    for each in given:
        name, separator, value = each.partition("=")
        if not separator or name not in known:
            message = f"{each!r} in MILLRACE_PARAMETERS is no parameter of template.yaml: give Name=value for one of {', '.join(known)}."
            raise ParameterError(message)
        if reason := _refusal(value, known[name]):
            # Without the value: there may be a password in it.
            message = f"The value of {name} in MILLRACE_PARAMETERS cannot be used: {reason}."
            raise ParameterError(message)


def _parameters() -> dict[str, Any]:
    template: Any = yaml.SafeLoader((ROOT / "template.yaml").read_text())
    # Short functions such as `!Ref` are not needed here.
    template.yaml_multi_constructors = {"!": lambda *_: None}
    found: dict[str, Any] = template.get_data()["Parameters"]
    return found


def _refusal(value: str, parameter: dict[str, Any]) -> str | None:
    pattern, values = parameter.get("AllowedPattern"), parameter.get("AllowedValues")
    if pattern is not None and not re.fullmatch(pattern, value):
        return f"it must match {pattern}"
    if values is not None and value not in values:
        return f"give one of {', '.join(values)}"
    if parameter["Type"] == "Number":
        least, most = parameter.get("MinValue", 0), parameter.get("MaxValue", 2**31)
        if not value.isdecimal() or not least <= int(value) <= most:
            return f"give a whole number from {least} to {most}"
    return None
