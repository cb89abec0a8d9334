"""LocalStack drops an invocation's client context before its executor sees it; this hands it on.

AWS: "Invoke", X-Amz-Client-Context: a base64 JSON object, for synchronous invocations only.
"""

import base64
import json
from collections.abc import Callable

from localstack.aws.api.lambda_ import InvalidRequestContentException, InvocationType
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.lambda_models import Invocation, InvocationResult
from localstack.utils.patch import patch

from millrace_local.function_process.executor import ProcessExecutor


def install() -> None:
    patch(ExecutionEnvironment.invoke)(_invoke_with_context)


def _invoke_with_context(
    invoke: Callable[[ExecutionEnvironment, Invocation], InvocationResult],
    environment: ExecutionEnvironment,
    invocation: Invocation,
) -> InvocationResult:
    if isinstance(environment.runtime_executor, ProcessExecutor):
        environment.runtime_executor.client_context = _decoded(invocation)
    return invoke(environment, invocation)


def _decoded(invocation: Invocation) -> str | None:
    if not invocation.client_context or invocation.invocation_type == InvocationType.Event:
        return None
    try:
        # As ASCII, because it becomes an HTTP header.
        return json.dumps(json.loads(base64.b64decode(invocation.client_context)))
    except ValueError as error:
        message = "Client context must be a valid Base64-encoded JSON object."
        raise InvalidRequestContentException(message, Type="User") from error
