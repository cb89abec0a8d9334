"""Run asynchronous invocations once, apply the right settings to those that fail, and deliver their dead letters.

LocalStack invokes a function again that has not answered for a minute, although it still runs. It uses only the settings
of the version that ran, and loses a dead letter without an error message.
AWS: "Configuring error handling settings for Lambda asynchronous invocations".
"""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.config import Config
from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation.event_manager import Poller, SQSInvocation
from localstack.services.lambda_.invocation.lambda_models import EventInvokeConfig
from localstack.utils.patch import patch

RETRIES = 2
LONGEST_MESSAGE = 1024  # AWS: "the first 1 KB of the error message"
# A function runs for up to 15 minutes, and its process has to start before.
WAITING = Config(read_timeout=1_000, retries={"total_max_attempts": 1})
_NO_MESSAGE = "The function did not run: it was throttled, or the event was too old."

type Payload = Mapping[str, Any] | None


def install() -> None:
    patch(Poller.__init__)(_wait_for_answers)
    patch(Poller._handle_invoke_exception)(_handle_invoke_exception)  # noqa: SLF001 - here and below: the only places
    patch(Poller._handle_function_error)(_handle_function_error)  # noqa: SLF001
    patch(Poller.process_success_destination)(_process_success_destination)
    patch(Poller.process_dead_letter_queue)(_process_dead_letter_queue)


def _wait_for_answers(create: Callable[..., None], poller: Poller, *arguments: Any) -> None:  # noqa: ANN401 - LocalStack's
    create(poller, *arguments)
    function = poller.version_manager.function_version.id
    factory = connect_to(aws_access_key_id=function.account, region_name=function.region, config=WAITING)
    poller.lambda_client = factory.lambda_


def _handle_invoke_exception(
    handle: Callable[..., str], poller: Poller, event: SQSInvocation, error: Exception, _: object
) -> str:
    return handle(poller, event, error, _settings(poller, event))


def _handle_function_error(
    handle: Callable[..., None], poller: Poller, event: SQSInvocation, payload: Payload, *_: object
) -> None:
    settings = _settings(poller, event)
    attempts = settings.maximum_retry_attempts if settings else None
    handle(poller, event, payload, settings, RETRIES if attempts is None else attempts)


def _process_success_destination(
    process: Callable[..., None], poller: Poller, event: SQSInvocation, payload: Payload, _: object
) -> None:
    process(poller, event, payload, _settings(poller, event))


def _settings(poller: Poller, event: SQSInvocation) -> EventInvokeConfig | None:
    """Return the settings of the invoked qualifier, or None without any. An alias has its own."""
    qualifier = event.invocation.invoked_arn.split(":")[7:]
    settings: EventInvokeConfig | None = poller.version_manager.function.event_invoke_configs.get(
        qualifier[0] if qualifier else "$LATEST"
    )
    return settings


def _process_dead_letter_queue(
    process: Callable[..., None], poller: Poller, event: SQSInvocation, payload: Payload
) -> None:
    """Send the dead letter with an error message, because SQS refuses an empty one."""
    error = payload if isinstance(payload, Mapping) else {}
    message = _NO_MESSAGE if payload is None else error.get("errorMessage") or error.get("errorType") or "Unknown"
    process(poller, event, {"errorMessage": str(message)[:LONGEST_MESSAGE]})
