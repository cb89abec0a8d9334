"""The deployed functions, called by the names that template.yaml gives them."""

import json
from typing import Any

from millrace_local.deployment import aws, stack
from millrace_local.instance import Instance
from millrace_local.problems import LocalCloudError
from millrace_local.servers.localstack import localstack_session


class FunctionFailedError(LocalCloudError):
    """The function raised an error; the message is the function's."""


def call(instance: Instance, logical_id: str, event: object) -> Any:  # noqa: ANN401 - each function's own
    """The function's answer to *event*. Raises FunctionFailedError, NotReadyError if there is no LocalStack."""
    localstack_session(instance)
    name = deployed_name(instance, logical_id)
    answer = aws.client(instance, "lambda", aws.LONGEST_INVOCATION_SECONDS).invoke(
        FunctionName=name, Payload=json.dumps(event).encode()
    )
    payload = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise FunctionFailedError(payload.get("errorMessage") or json.dumps(payload))
    return payload


def deployed_name(instance: Instance, logical_id: str) -> str:
    """What the function is called on LocalStack. Raises LocalCloudError, which lists those that there are."""
    names = stack.function_names(instance)
    if logical_id not in names:
        message = f"There is no function {logical_id!r}. There are: {', '.join(sorted(names)) or 'none'}."
        raise LocalCloudError(message)
    return names[logical_id]
