"""Let functions that failed to be created or updated be updated, deleted, and run with their last working version.

LocalStack creates a version's manager only once it is active, and fails where there is none.
"""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

from localstack.aws.api.lambda_ import LastUpdateStatus, State
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, UpdateStatus, VersionState
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.utils.patch import patch


def install() -> None:
    patch(LambdaService.stop_version)(_stop_version)
    patch(LambdaService.update_version)(_update_version)
    patch(LambdaService.update_version_state)(_update_version_state)


def _stop_version(stop: Callable[..., None], service: LambdaService, qualified_arn: str) -> None:
    with contextlib.suppress(ValueError):
        stop(service, qualified_arn)


def _update_version(update: Callable[..., Any], service: LambdaService, new_version: FunctionVersion) -> object:
    """Start a version that never ran. LocalStack would raise, because there is none to replace."""
    if new_version.config.state.state == State.Failed:
        return service.create_function_version(new_version)
    return update(service, new_version)


def _update_version_state(
    update: Callable[..., None], service: LambdaService, function_version: FunctionVersion, new_state: VersionState
) -> None:
    """Keep a function active whose update failed, with the version from before the update."""
    arn = function_version.qualified_arn
    if new_state.state != State.Failed or arn not in service.lambda_running_versions:
        update(service, function_version, new_state)
        return
    with service.lambda_version_manager_lock:
        failed = service.lambda_starting_versions.pop(arn)
    service.task_executor.submit(failed.stop)
    where = function_version.id
    if function := lambda_stores[where.account][where.region].functions.get(where.function_name):
        version = function.versions[where.qualifier]
        status = UpdateStatus(LastUpdateStatus.Failed, code=new_state.code, reason=new_state.reason)
        config = dataclasses.replace(version.config, last_update=status)
        function.versions[where.qualifier] = dataclasses.replace(version, config=config)
