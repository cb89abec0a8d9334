"""The queues of asynchronous invocations, one thread each, that LocalStack's end has to wait for.

LocalStack tells six of them at a time to stop, waits up to two seconds for each, and after five leaves the others as they
are; with more than some fifteen functions it never ends by itself. Told all at once they need two seconds together.
"""

import weakref
from collections.abc import Callable

from localstack.runtime.shutdown import SHUTDOWN_HANDLERS
from localstack.services.lambda_.invocation.event_manager import Poller
from localstack.utils.patch import patch

_running: weakref.WeakSet[Poller] = weakref.WeakSet()


def install() -> None:
    patch(Poller.run)(_run)
    SHUTDOWN_HANDLERS.register(_stop_all)


def _run(run: Callable[..., None], poller: Poller, *arguments: object) -> None:
    _running.add(poller)
    run(poller, *arguments)


def _stop_all() -> None:
    for poller in list(_running):
        poller.stop()
