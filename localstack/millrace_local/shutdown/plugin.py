"""Entry point: refuse to start services while LocalStack stops them.

LocalStack refuses new requests then, but lets one that is on its way start a service, such as CloudWatch for an
invocation's metrics. Nobody stops that service's scheduler, and the process would never end.
"""

from collections.abc import Callable
from threading import Event

from localstack.aws.api import CommonServiceException
from localstack.runtime import hooks
from localstack.services.plugins import Service, ServicePluginManager, ServiceState
from localstack.utils.patch import patch

_stopping = Event()


@hooks.on_infra_start()
def refuse_services_at_the_end() -> None:
    patch(ServicePluginManager.require)(_require)
    patch(ServicePluginManager.stop_all_services)(_stop_all_services)


def _stop_all_services(stop: Callable[..., None], manager: ServicePluginManager) -> None:
    # Set before the services to stop are listed: one that started by then is listed, and a later one stops itself.
    _stopping.set()
    stop(manager)


def _require(require: Callable[..., Service], manager: ServicePluginManager, name: str) -> Service:
    """Return the running service. Raises ServiceUnavailable for one that would have to start during the end."""
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
