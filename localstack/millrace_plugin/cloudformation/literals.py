"""Let Fn::Sub write `${!Name}` as `${Name}`, for instance a variable that IAM evaluates.

LocalStack looks for a resource called `!Name` and refuses the template.
"""

from collections.abc import Callable
from typing import Any

from localstack.services.cloudformation.engine.v2.change_set_model_describer import ChangeSetModelDescriber
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import (
    ChangeSetModelPreproc,
    PreprocEntityDelta,
)
from localstack.utils.patch import patch

Untyped = Any  # LocalStack's entities


def install() -> None:
    patch(ChangeSetModelPreproc._resolve_reference)(_resolve_reference)  # noqa: SLF001 - where Fn::Sub looks up names
    for engine in (ChangeSetModelPreproc, ChangeSetModelDescriber):
        patch(engine._resolve_attribute)(_resolve_attribute)  # noqa: SLF001 - and names with a dot


def _resolve_reference(original: Callable[..., Untyped], engine: Untyped, logical_id: str) -> Untyped:
    if logical_id.startswith("!"):
        return PreprocEntityDelta(before=_literal(logical_id), after=_literal(logical_id))
    return original(engine, logical_id)


def _resolve_attribute(
    original: Callable[..., Untyped], engine: Untyped, arguments: str | list[str], select_before: Untyped
) -> Untyped:
    if isinstance(arguments, str) and arguments.startswith("!"):
        return _literal(arguments)
    return original(engine, arguments, select_before)


def _literal(name: str) -> str:
    return f"${{{name.removeprefix('!')}}}"
