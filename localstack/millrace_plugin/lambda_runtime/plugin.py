"""Entry points: LocalStack's runtime executor `process`, and checks of its Lambda API."""

from functools import cache
from typing import TYPE_CHECKING

from localstack.services.lambda_ import hooks
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin

if TYPE_CHECKING:
    from millrace_plugin.lambda_runtime.executor import ProcessExecutor


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """Chosen by LAMBDA_RUNTIME_EXECUTOR=process; MILLRACE_LAMBDA_PYTHON is the functions' interpreter."""

    name = "process"

    def load(self, *_args: object, **_kwargs: object) -> type["ProcessExecutor"]:
        """Return the executor. LocalStack calls this for every environment it starts."""
        return _install()


@cache
def _install() -> type["ProcessExecutor"]:
    # Imported once it is chosen, because it imports all of LocalStack's Lambda.
    from localstack.runtime.shutdown import SHUTDOWN_HANDLERS  # noqa: PLC0415

    from millrace_plugin.lambda_runtime import (  # noqa: PLC0415
        assignment,
        asynchronous,
        client_context,
        event_polling,
        failed_functions,
        log_delivery,
        metrics,
        payload_limits,
    )
    from millrace_plugin.lambda_runtime.executor import ProcessExecutor  # noqa: PLC0415

    for part in (
        assignment,
        asynchronous,
        client_context,
        event_polling,
        failed_functions,
        log_delivery,
        metrics,
        payload_limits,
    ):
        part.install()
    SHUTDOWN_HANDLERS.register(ProcessExecutor.kill_all)
    return ProcessExecutor


@hooks.inject_layer_fetcher()
def check_lambda_requests(_provider: object) -> None:
    """Patch our checks into the Lambda API. The constructor of its provider runs this hook."""
    from millrace_plugin.lambda_runtime import aliases, code_addresses, function_urls, provider  # noqa: PLC0415 - they import the module of the hooks

    for part in (aliases, code_addresses, function_urls, provider):
        part.install()
