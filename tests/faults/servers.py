"""Ways to kill a part of the local cloud, and when it has recovered."""

import contextlib
from collections.abc import Callable
from http import HTTPStatus

import httpx
import psutil

from tests.kit.cloud import Cloud

type Fault = Callable[[Cloud], None]


def kill_function_processes(cloud: Cloud) -> None:
    for process in cloud.server("localstack").children(recursive=True):
        # LocalStack may end an idle one meanwhile.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def kill(name: str) -> Fault:
    return lambda cloud: cloud.server(name).kill()


FAULTS = {
    "function processes": kill_function_processes,
    "localstack": kill("localstack"),
    "kafka": kill("kafka"),
    "postgres": kill("postgres"),
    "opensearch": kill("opensearch"),
    "stripe": kill("stripe"),
}


def has_recovered(cloud: Cloud) -> bool:
    """Every server answers, the application is deployed, and every consumer has read everything."""
    try:
        if httpx.get(f"{cloud.instance.api_url}/health").status_code != HTTPStatus.OK:
            return False
        found = cloud.status()
    except httpx.TransportError:
        return False
    up = all(part["state"] == "up" for part in found["parts"])
    return up and bool(found["mappings"]) and all(mapping["lag"] == 0 for mapping in found["mappings"])
