"""Check the client context of an invocation and pass it to the function, which LocalStack does not.

AWS: "Invoke", X-Amz-Client-Context: a base64 JSON object, for synchronous invocations only.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from localstack.aws.api.lambda_ import InvalidRequestContentException, InvocationType
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.lambda_models import Invocation, InvocationResult
from localstack.utils.patch import patch

from millrace_plugin.lambda_runtime.executor import ProcessExecutor

_NONE = "{}"
"""LocalStack's placeholder for function URLs without a client context. It is no Base64, so no caller can send it."""


def install() -> None:
    patch(ExecutionEnvironment.invoke)(_invoke_with_context)


def check(client_context: str | None) -> None:
    """Raise InvalidRequestContentException unless *client_context* is absent or a JSON object in Base64."""
    try:
        valid = not client_context or isinstance(_decode(client_context), dict)
    except ValueError:
        valid = False
    if not valid:
        message = "Client context must be a valid Base64-encoded JSON object."
        raise InvalidRequestContentException(message, Type="User")


def _invoke_with_context(
    invoke: Callable[[ExecutionEnvironment, Invocation], InvocationResult],
    environment: ExecutionEnvironment,
    invocation: Invocation,
) -> InvocationResult:
    if isinstance(environment.runtime_executor, ProcessExecutor):
        environment.runtime_executor.client_context = _convert(invocation)
    return invoke(environment, invocation)


def _convert(invocation: Invocation) -> str | None:
    context = invocation.client_context
    if not context or context == _NONE or invocation.invocation_type == InvocationType.Event:
        return None
    return json.dumps(_decode(context))  # ASCII, because it becomes an HTTP header


def _decode(client_context: str) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(base64.b64decode(client_context, validate=True))
