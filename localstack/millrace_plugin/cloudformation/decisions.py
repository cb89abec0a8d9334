"""Decide a template's conditions before anything else, as CloudFormation does.

LocalStack evaluates both versions of a resource even if its condition is false. When a condition flips, Fn::GetAtt of
another resource with that condition fails, in resources, outputs and branches of Fn::If.
"""

import json
from collections.abc import Callable
from typing import Any

from localstack.services.cloudformation.engine.v2.change_set_model import ChangeSetModel
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import ChangeSetModelPreproc
from localstack.services.cloudformation.engine.v2.change_set_model_transform import ChangeSetModelTransform
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.utils.patch import patch

from millrace_plugin.cloudformation.conditions import Decisions, absent_references, apply_decisions

Untyped = Any  # LocalStack's transformer and templates


def install() -> None:
    patch(ChangeSetModelTransform.transform)(_transform)
    patch(ChangeSetModelTransform._execute_local_transforms)(_execute_local_transforms)  # noqa: SLF001 - LocalStack's


def _execute_local_transforms(original: Callable[[Untyped], None], transformer: Untyped) -> None:
    """Evaluate Fn::Transform only in templates that have it. LocalStack evaluates every resource, undecided ones too."""
    templates = transformer._before_template, transformer._after_template  # noqa: SLF001 - as above
    if any('"Fn::Transform"' in json.dumps(each, default=str) for each in templates):
        original(transformer)


def _transform(original: Callable[[Untyped], tuple[Untyped, Untyped]], transformer: Untyped) -> tuple[Untyped, Untyped]:
    before, after = original(transformer)
    change_set = transformer._change_set  # noqa: SLF001 - LocalStack's
    raw = change_set.update_model
    model = ChangeSetModel(
        before_template=before,
        after_template=after,
        before_parameters=transformer._before_parameters,  # noqa: SLF001 - as above
        after_parameters=transformer._after_parameters,  # noqa: SLF001 - as above
    )
    change_set._cached_update_model = model.get_update_model()  # noqa: SLF001 - as above
    try:
        engine = ChangeSetModelPreproc(change_set)
        old, new = _decisions(engine, before, "before"), _decisions(engine, after, "after")
    finally:
        change_set._cached_update_model = raw  # noqa: SLF001 - as above
    if isinstance(before, dict):
        before = apply_decisions(before, old)
    if isinstance(after, dict):
        left = apply_decisions(after, new)
        if absent := sorted(absent_references(after, left)):
            message = (
                f"Template format error: Unresolved resource dependencies [{', '.join(absent)}] in the Resources block "
                "of the template"
            )
            raise ValidationError(message)
        after = left
    return before, after


def _decisions(engine: Untyped, template: Untyped, side: str) -> Decisions:
    names = (template.get("Conditions") or {}) if isinstance(template, dict) else {}
    return {name: bool(getattr(engine._resolve_condition(name), side)) for name in names}  # noqa: SLF001 - as above
