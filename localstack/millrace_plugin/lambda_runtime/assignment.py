"""Make LocalStack's choice of an environment safe for concurrent invocations.

LocalStack iterates over a function's environments while others add theirs, and adds a new one before it reserves it. An
invocation that is disturbed, or loses its new environment to another one, fails as a service error.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from localstack.services.lambda_.invocation.assignment import AssignmentService
from localstack.services.lambda_.invocation.execution_environment import InvalidStatusException
from localstack.utils.patch import patch

ATTEMPTS = 100  # each is lost to an invocation that was served, so that many failures have another cause


def install() -> None:
    patch(AssignmentService.get_environment)(_get_environment)


@contextlib.contextmanager
def _get_environment(
    get: Callable[..., AbstractContextManager[Any]], service: AssignmentService, *arguments: object
) -> Iterator[Any]:
    with contextlib.ExitStack() as stack:
        for attempt in range(ATTEMPTS):
            # Another invocation took the environment, or changed the environments during the iteration: choose again.
            lost = (InvalidStatusException, RuntimeError) if attempt < ATTEMPTS - 1 else ()
            with contextlib.suppress(*lost):
                environment = stack.enter_context(get(service, *arguments))
                break
        yield environment
