"""Where the application is deployed: as the local stage on LocalStack, or as any other one on AWS."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from millrace_local.deployment import aws, stack
from millrace_local.instance import APPLICATION, STAGE, Instance
from millrace_local.problems import LocalCloudError
from millrace_local.servers.localstack import localstack_session

STACKS = [*stack.SERVING, *(each for each in stack.UNDER_WAY if each.startswith("UPDATE"))]
"""The states in which a stack has its functions."""


class FunctionFailedError(LocalCloudError):
    """The function could not be invoked, or raised an error; the message says which and why."""


@dataclass(frozen=True)
class Stage:
    """A deployed application. *client*: makes a boto3 client of a service, by its name."""

    name: str
    client: Callable[[str], Any]

    def invoke(self, logical_id: str, payload: object) -> Any:  # noqa: ANN401 - each function's own
        """Return the answer of the function that template.yaml calls *logical_id*. Raises FunctionFailedError."""
        try:
            answer = self.client("lambda").invoke(
                FunctionName=self._deployed_name(logical_id), Payload=json.dumps(payload).encode()
            )
            found = json.load(answer["Payload"])
        except ClientError as error:
            raise FunctionFailedError(f"{logical_id} cannot be invoked: {_explained(error)}") from error
        except BotoCoreError as error:
            raise FunctionFailedError(f"{logical_id} does not answer: {error}") from error
        if "FunctionError" in answer:
            raise FunctionFailedError(f"{logical_id} failed: {_described(found)}")
        return found

    def _deployed_name(self, logical_id: str) -> str:
        name = f"{APPLICATION}-{self.name}"
        cloudformation = self.client("cloudformation")
        try:
            names = stack.functions_of(cloudformation, name)
        except ClientError as error:
            where = cloudformation.meta.endpoint_url
            message = f"The stack {name} cannot be read at {where}: {_explained(error)} Is the stage deployed there?"
            raise LocalCloudError(message) from error
        return names[logical_id] if logical_id in names else _refuse(logical_id, names)


def local(instance: Instance) -> Stage:
    """Return the stage on LocalStack. Raises NotReadyError if there is no LocalStack."""
    localstack_session(instance)
    return Stage(STAGE, lambda service: aws.client(instance, service, aws.LONGEST_INVOCATION_SECONDS))


def on_aws(name: str | None, profile: str | None) -> Stage:
    """Return the stage *name* in the account and region of *profile*, or of the environment.

    *name*: None for the only stage that is deployed there.
    """
    import boto3  # noqa: PLC0415 - 0.2 s that most commands need not pay
    from botocore.config import Config  # noqa: PLC0415

    # A repeated invocation would run beside the first one.
    settings = Config(retries={"total_max_attempts": 1}, read_timeout=aws.LONGEST_INVOCATION_SECONDS, tcp_keepalive=True)
    try:
        session = boto3.Session(profile_name=profile)
        stage = Stage(name or "", lambda service: session.client(service, config=settings))
        return stage if name else Stage(_only_stage(stage.client("cloudformation")), stage.client)
    except (BotoCoreError, ClientError) as error:
        message = f"AWS cannot be used: {error}. Check --profile, AWS_PROFILE, AWS_REGION and the credentials."
        raise LocalCloudError(message) from error


def _only_stage(cloudformation: Any) -> str:  # noqa: ANN401 - a boto3 client
    pages = cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=STACKS)
    names = [each["StackName"] for page in pages for each in page["StackSummaries"]]
    stages = sorted(name.removeprefix(f"{APPLICATION}-") for name in names if name.startswith(f"{APPLICATION}-"))
    if len(stages) == 1:
        return str(stages[0])
    message = f"Name the stage with --stage. Deployed there: {', '.join(stages) or 'none'}."
    raise LocalCloudError(message)
