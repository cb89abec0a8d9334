"""LocalStack's choice of an environment for an invocation, made safe for many invocations at once.

LocalStack looks through a function's environments, and enters a new one among them before it takes it, while others do
the same: an invocation whose look is disturbed, or whose new environment another one takes, fails as a service error.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from localstack.services.lambda_.invocation.assignment import AssignmentService
from localstack.services.lambda_.invocation.execution_environment import InvalidStatusException
from localstack.utils.patch import patch

ATTEMPTS = 100  # each is lost to another invocation that was served, so this many mean that something else is wrong


def install() -> None:
    patch(AssignmentService.get_environment)(_get_environment)


@contextlib.contextmanager
def _get_environment(
    get: Callable[..., AbstractContextManager[Any]], service: AssignmentService, *arguments: object
) -> Iterator[Any]:
    with contextlib.ExitStack() as stack:
        for attempt in range(ATTEMPTS):
            # Taken by another invocation, or the environments changed under the look through them: choose again.
            lost = (InvalidStatusException, RuntimeError) if attempt < ATTEMPTS - 1 else ()
            with contextlib.suppress(*lost):
                environment = stack.enter_context(get(service, *arguments))
                break
        yield environment
