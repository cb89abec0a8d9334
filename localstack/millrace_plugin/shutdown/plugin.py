"""Entry point: let LocalStack end also without its supervisor, and with requests in flight.

While it ends, LocalStack refuses new requests, but a request in flight may start a service, such as CloudWatch for an
invocation's metrics. Nothing stops that service's scheduler, so the process would never end.

LocalStack's signal handler writes to the standard output first, and fails if the supervisor that reads it is dead.
"""

import signal
from collections.abc import Callable
from threading import Event

from localstack.aws.api import CommonServiceException
from localstack.runtime import hooks
from localstack.runtime.current import get_current_runtime
from localstack.services.plugins import Service, ServicePluginManager, ServiceState
from localstack.utils.patch import patch

_stopping = Event()


@hooks.on_infra_start()
def prepare_the_end() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: get_current_runtime().exit(0))
    patch(ServicePluginManager.require)(_require)
    patch(ServicePluginManager.stop_all_services)(_stop_all_services)


def _stop_all_services(stop: Callable[..., None], manager: ServicePluginManager) -> None:
    # Set before the services are listed: one that has started is listed, and a later one is stopped by _require.
    _stopping.set()
    stop(manager)


def _require(require: Callable[..., Service], manager: ServicePluginManager, name: str) -> Service:
    """Return the running service. Raises ServiceUnavailable for one that would start while LocalStack ends."""
    if _stopping.is_set() and not manager.is_running(name):
        raise _unavailable(name)
    service = require(manager, name)
    if _stopping.is_set():
        container = manager.get_service_container(name)
        with container.lock:
            if container.state == ServiceState.RUNNING:
                container.stop()
        raise _unavailable(name)
    return service


def _unavailable(name: str) -> CommonServiceException:
    return CommonServiceException("ServiceUnavailable", f"LocalStack is stopping and starts no {name}.", 503)
