"""Deleting a function that failed at its creation: LocalStack never made a manager for it, and stops at its absence."""

import contextlib
from collections.abc import Callable

from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.utils.patch import patch


def install() -> None:
    patch(LambdaService.stop_version)(_stop_version)


def _stop_version(stop: Callable[..., None], service: LambdaService, qualified_arn: str) -> None:
    with contextlib.suppress(ValueError):
        stop(service, qualified_arn)
