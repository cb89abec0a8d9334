"""Stop the pollers of asynchronous invocations together when LocalStack ends.

LocalStack stops six of them at a time, waits up to two seconds for each, and abandons the rest after five seconds. With
more than about fifteen functions its process never ends. Stopped at once, all of them need two seconds.
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
