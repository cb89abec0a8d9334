"""Where the application is deployed: as the local stage on LocalStack, or as any other one on AWS."""

import getpass
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
class Function:
    """A deployed function. *logical_id*: what template.yaml calls it. *client*: of Lambda."""

    logical_id: str
    name: str
    client: Any

    def invoke(self, payload: object) -> Any:  # noqa: ANN401 - each function's own
        """Return the function's answer. Raises FunctionFailedError."""
        try:
            answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(payload).encode())
            found = json.load(answer["Payload"])
        except (BotoCoreError, ClientError) as error:
            message = f"{self.logical_id} cannot be invoked: {_reason(error)}"
            raise FunctionFailedError(message) from error
        if "FunctionError" in answer:
            message = f"{self.logical_id} failed: {_explanation(found)} See its log."
            raise FunctionFailedError(message)
        return found


@dataclass(frozen=True)
class Stage:
    """A deployed application.

    *client*: makes a boto3 client of a service, by its name.
    *key*: tells it from stages of the same name in other accounts and regions.
    """

    name: str
    client: Callable[[str], Any]
    key: str

    def who(self) -> str:
        """Return whom the audit names: on AWS the identity that signs, locally the user of this machine."""
        if self.name == STAGE:
            return getpass.getuser()
        return str(self.client("sts").get_caller_identity()["Arn"])

    def function(self, logical_id: str) -> Function:
        """Return the deployed function. Raises LocalCloudError, which lists those that there are."""
        cloudformation, name = self.client("cloudformation"), f"{APPLICATION}-{self.name}"
        try:
            names = stack.functions_of(cloudformation, name)
        except (BotoCoreError, ClientError) as error:
            message = f"The stack {name} cannot be read at {cloudformation.meta.endpoint_url}: {_reason(error)}"
            raise LocalCloudError(message) from error
        if logical_id not in names:
            message = f"There is no function {logical_id!r} in {name}. There are: {', '.join(sorted(names)) or 'none'}."
            raise LocalCloudError(message)
        return Function(logical_id, names[logical_id], self.client("lambda"))


def local(instance: Instance) -> Stage:
    """Return the stage on LocalStack. Raises NotReadyError if there is no LocalStack."""
    localstack_session(instance)
    return Stage(STAGE, lambda service: aws.client(instance, service, aws.LONGEST_INVOCATION_SECONDS), STAGE)


def on_aws(name: str | None, profile: str | None) -> Stage:
    """Return the stage *name* in the account and region of *profile*, or of the environment.

    *name*: None for the only stage that is deployed there.
    """
    import boto3  # noqa: PLC0415 - 0.2 s that most commands need not pay
    from botocore.config import Config  # noqa: PLC0415

    # A repeated invocation would run beside the first one.
    settings = Config(
        retries={"total_max_attempts": 1}, read_timeout=aws.LONGEST_INVOCATION_SECONDS, tcp_keepalive=True
    )
    try:
        session = boto3.Session(profile_name=profile)
        cloudformation = session.client("cloudformation", config=settings)
        found = name or _only_stage(cloudformation)
        key = f"{found}.{session.profile_name}.{cloudformation.meta.region_name}"
        return Stage(found, lambda service: session.client(service, config=settings), key)
    except (BotoCoreError, ClientError) as error:
        message = f"AWS cannot be used: {_reason(error)} Check --profile, AWS_PROFILE and AWS_REGION."
        raise LocalCloudError(message) from error


def _only_stage(cloudformation: Any) -> str:  # noqa: ANN401 - a boto3 client
    pages = cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=STACKS)
    names = [each["StackName"] for page in pages for each in page["StackSummaries"]]
    stages = sorted(name.removeprefix(f"{APPLICATION}-") for name in names if name.startswith(f"{APPLICATION}-"))
    if len(stages) == 1:
        return str(stages[0])
    message = f"Name the stage with --stage. Deployed there: {', '.join(stages) or 'none'}."
    raise LocalCloudError(message)


def _reason(error: BotoCoreError | ClientError) -> str:
    """Return in one sentence why AWS did not do what it was asked: its own words, or those of its client."""
    return _sentence(error.response["Error"]["Message"] if isinstance(error, ClientError) else str(error))


def _explanation(error: dict[str, str]) -> str:
    """Return in one sentence why a function failed: its error, or that it took too long."""
    return _sentence(": ".join(filter(None, (error.get("errorType"), error.get("errorMessage")))) or json.dumps(error))


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
