"""Entry point: LocalStack's runtime executor `process`."""

from functools import cache
from typing import TYPE_CHECKING

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin

if TYPE_CHECKING:
    from millrace_local.function_process.executor import ProcessExecutor


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """Chosen by LAMBDA_RUNTIME_EXECUTOR=process; MILLRACE_LAMBDA_PYTHON is the functions' interpreter."""

    name = "process"

    def load(self, *_args: object, **_kwargs: object) -> type["ProcessExecutor"]:
        """LocalStack asks again for every environment it starts."""
        return _installed()


@cache
def _installed() -> type["ProcessExecutor"]:
    # Imported when it is chosen, not before: this is all of LocalStack's Lambda.
    from localstack.runtime.shutdown import SHUTDOWN_HANDLERS  # noqa: PLC0415

    from millrace_local.function_process import (  # noqa: PLC0415
        assignment,
        client_context,
        deletion,
        event_polling,
        log_delivery,
        metrics,
    )
    from millrace_local.function_process.executor import ProcessExecutor  # noqa: PLC0415

    for part in (assignment, client_context, deletion, event_polling, log_delivery, metrics):
        part.install()
    SHUTDOWN_HANDLERS.register(ProcessExecutor.stop_all_at_once)
    return ProcessExecutor
