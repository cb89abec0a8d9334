"""Refuse settings of functions and invocations that a local process cannot apply.

AWS: "CreateFunction", "Configuring advanced logging controls".
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

type Request = Mapping[str, Any]

TEXT, JSON = "Text", "JSON"
_LOGGING = {
    "LogFormat": (TEXT, JSON),
    "ApplicationLogLevel": ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"),
    "SystemLogLevel": ("DEBUG", "INFO", "WARN"),
}
_LEVELS = ("ApplicationLogLevel", "SystemLogLevel")
_NOT_DONE = {
    "FileSystemConfigs": "nothing is mounted. Use the function's /tmp, S3 or a database",
    "CapacityProviderConfig": "an environment runs one invocation at a time. Use a function without a capacity provider",
    "DurableConfig": "nothing is replayed. Use Step Functions, or a function without durable execution",
    "TenancyConfig": "tenants are not kept apart. Use a function without tenant isolation",
    "PublishTo": "a version is one that invocations name. Use Publish",
    # of templates
    "FunctionScalingConfig": "there are no capacity providers. Use ProvisionedConcurrencyConfig",
    "PublishToLatestPublished": "a version is one that invocations name. Use AWS::Lambda::Version",
}
_INVOCATION = {"invocation_type": ("RequestResponse", "Event", "DryRun"), "log_type": ("None", "Tail")}
_EVENT_SETTINGS = {"maximum_retry_attempts": (0, 2), "maximum_event_age_in_seconds": (60, 21_600)}
_NUMBERS = {"Timeout": (1, 900), "MemorySize": (128, 10_240)}
_STORAGE = (512, 10_240)
_TRACING = ("Active", "PassThrough")
# See "Working with Lambda environment variables" of AWS.
_RESERVED = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)
_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
_DEAD_LETTERS = re.compile(r"arn:[^:]+:(sqs|sns):[^:]*:[^:]*:.+")
_GO_ON = "or set it only on AWS, by a condition in the template"


class NotDoneError(Exception):
    """A setting has no effect locally, or Lambda refuses it. The message says what to do instead."""


def check(request: Request, current_logging: Request | None = None) -> None:
    """Raise NotDoneError for the first setting that would have no effect.

    request: the parameters of CreateFunction or UpdateFunctionConfiguration.
    current_logging: the LoggingConfig that an update changes.
    """
    for problem in (
        *_not_done(request),
        *_wrong_values(request),
        *_logging_problems(request.get("LoggingConfig") or {}, current_logging or {}),
    ):
        raise NotDoneError(problem)


def check_code(request: Request) -> None:
    """Raise NotDoneError for a parameter of UpdateFunctionCode or PublishVersion that would have no effect."""
    if request.get("DryRun"):
        message = "DryRun is not supported by local functions: the code would be changed. Leave it out."
        raise NotDoneError(message)
    for problem in _not_done(request):
        raise NotDoneError(problem)


def check_event_settings(parameters: Request) -> None:
    """Raise NotDoneError for a setting of asynchronous invocations that Lambda refuses."""
    for name, between in _EVENT_SETTINGS.items():
        for problem in _check_range(name, parameters.get(name), between):
            raise NotDoneError(problem)


def check_invocation(request: Request) -> None:
    """Raise NotDoneError for a parameter of Invoke that would have no effect."""
    for name, values in _INVOCATION.items():
        if request.get(name) and request[name] not in values:
            message = f"{request[name]} is no value of {name}: use one of {', '.join(values)}."
            raise NotDoneError(message)
    for name, what in (("tenant_id", "TenantId"), ("durable_execution_name", "DurableExecutionName")):
        if request.get(name):
            message = (
                f"{what} is not supported: local functions have neither tenants nor durable executions. Leave it out."
            )
            raise NotDoneError(message)


def _not_done(request: Request) -> Iterator[str]:
    for name, reason in _NOT_DONE.items():
        if request.get(name):
            yield f"{name} is not supported by local functions: {reason}, {_GO_ON}."
    if (request.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions":
        yield f"SnapStart is not supported by local functions: no snapshot hook would run. Leave it out, {_GO_ON}."


def _wrong_values(request: Request) -> Iterator[str]:
    for name, between in _NUMBERS.items():
        yield from _check_range(name, request.get(name), between)
    yield from _check_range("EphemeralStorage.Size", (request.get("EphemeralStorage") or {}).get("Size"), _STORAGE)
    mode = (request.get("TracingConfig") or {}).get("Mode")
    if mode and mode not in _TRACING:
        yield f"{mode} is no value of TracingConfig.Mode: use one of {', '.join(_TRACING)}."
    variables = (request.get("Environment") or {}).get("Variables") or {}
    if _WRAPPER in variables:
        yield f"{_WRAPPER} is not supported by local functions: no wrapper would run. Leave it out, {_GO_ON}."
    if reserved := sorted(_RESERVED & variables.keys()):
        yield f"Environment has variables that Lambda sets itself: {', '.join(reserved)}. Leave them out."
    target = (request.get("DeadLetterConfig") or {}).get("TargetArn")
    if target and not _DEAD_LETTERS.fullmatch(target):
        yield f"{target} is no value of DeadLetterConfig.TargetArn: use the ARN of an SQS queue or of an SNS topic."


def _check_range(name: str, value: int | str | None, between: tuple[int, int]) -> Iterator[str]:
    """Yield a problem if *value* is outside the range. A template's parameter is text."""
    lowest, highest = between
    if value is not None and not (str(value).isdecimal() and lowest <= int(value) <= highest):
        yield f"{value} is no value of {name}: use a number from {lowest} to {highest}."


def _logging_problems(logging: Request, current: Request) -> Iterator[str]:
    for name, values in _LOGGING.items():
        if name in logging and logging[name] not in values:
            yield f"{logging[name]} is no value of LoggingConfig.{name}: use one of {', '.join(values)}."
    log_format = logging.get("LogFormat") or current.get("LogFormat") or TEXT
    if log_format == TEXT and any(logging.get(level) for level in _LEVELS):
        yield (
            'LogLevel is not supported when LogFormat is set to "Text". '
            'Remove LogLevel from your request or change the LogFormat to "JSON" and try again.'
        )
