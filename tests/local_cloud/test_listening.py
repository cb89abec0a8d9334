"""Each server of the local cloud listens on 127.0.0.1 and nowhere else."""

import errno
import socket

import psutil
import pytest

from millrace_local.instance import Instance
from tests.kit import listening


@pytest.fixture
def servers(  # noqa: PLR0913, PLR0917 - each of them
    localstack: Instance, kafka: str, postgres: str, redis: str, opensearch: str, stripe_api: str
) -> Instance:
    """Every server that the tests run beside the whole cloud."""
    return localstack


def test_no_server_of_the_tests_listens_elsewhere(servers: Instance) -> None:
    descendants = psutil.Process().children(recursive=True)

    # The status has no server of its own: see test_status_server.
    assert listening.ports(descendants) >= set(servers.ports.values()) - {servers.ports["status"]}
    assert listening.strangers(descendants) == []


@pytest.mark.parametrize("address", listening.other_addresses())
def test_other_addresses_of_the_machine_are_refused(servers: Instance, address: str) -> None:
    for port in servers.ports.values():
        with socket.socket() as client:
            client.settimeout(5)
            assert client.connect_ex((address, port)) == errno.ECONNREFUSED, port
