"""Invoke functions inside LocalStack's own process, without HTTP."""

from typing import TYPE_CHECKING, cast
from uuid import uuid4

from localstack.aws.api.lambda_ import InvocationType
from localstack.services.lambda_.api_utils import function_locators_from_arn
from localstack.services.plugins import SERVICE_PLUGINS

from millrace_plugin.kafka_trigger.invoker import Answer, NotInvokedError

if TYPE_CHECKING:
    from localstack.services.lambda_.provider import LambdaProvider


def lambda_provider() -> "LambdaProvider":
    """Return LocalStack's provider of the Lambda API."""
    return cast("LambdaProvider", SERVICE_PLUGINS.get_service("lambda")._provider)  # noqa: SLF001 - it has no public name


class LocalStackInvoker:
    """Invoke one function. LocalStack's errors become NotInvokedError, because the function did not run (C8)."""

    def __init__(self, function_arn: str) -> None:
        self._name, self._qualifier, self._account, self._region = function_locators_from_arn(function_arn)

    def invoke(self, payload: bytes) -> Answer:
        request_id = str(uuid4())
        try:
            result = lambda_provider().lambda_service.invoke(
                function_name=self._name,
                qualifier=self._qualifier,
                region=self._region,
                account_id=self._account,
                invocation_type=InvocationType.RequestResponse,
                client_context=None,
                request_id=request_id,
                payload=payload,
            )
        except Exception as error:
            raise NotInvokedError(f"{type(error).__name__}: {error}") from error
        return Answer(
            payload=result.payload or b"",
            function_error="Unhandled" if result.is_error else None,
            request_id=request_id,
            executed_version=result.executed_version or "$LATEST",
        )
