"""The check that a port is free before anything starts."""

import os
import socket
from pathlib import Path

import pytest

from millrace_local.cloud import ports
from millrace_local.instance import HOST, Instance, SettingError
from tests.kit.servers import free_instance


def test_a_taken_port_names_its_owner_and_the_variable_that_helps(tmp_path: Path) -> None:
    """The error tells which program holds the port and how to choose another."""
    instance = free_instance(tmp_path)
    with socket.create_server((HOST, instance.ports["postgres"])), pytest.raises(ports.PortTakenError) as refused:
        ports.check_free(instance)
    assert f"pid {os.getpid()}" in str(refused.value)
    assert "MILLRACE_POSTGRES_PORT=" in str(refused.value)


def test_every_taken_port_is_named_at_once(tmp_path: Path) -> None:
    """Two taken ports give one error with two lines, not one error after the other."""
    instance = free_instance(tmp_path)
    kafka, redis = (socket.create_server((HOST, instance.ports[name])) for name in ("kafka", "redis"))
    with kafka, redis, pytest.raises(ports.PortTakenError) as refused:
        ports.check_free(instance)
    assert len(str(refused.value).splitlines()) == 2


def test_free_ports_pass(tmp_path: Path) -> None:
    """Nothing is raised, and no port stays bound, when all are free."""
    instance = free_instance(tmp_path)
    ports.check_free(instance)
    ports.check_free(instance)


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1", ""])
def test_a_port_variable_that_is_no_port_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable and its value."""
    monkeypatch.setenv("MILLRACE_REDIS_PORT", value)
    with pytest.raises(SettingError, match="MILLRACE_REDIS_PORT"):
        Instance.from_environment()


def test_a_port_that_opensearch_cannot_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its runner takes no port above 9299: the error says so, before anything starts."""
    monkeypatch.setenv("MILLRACE_OPENSEARCH_PORT", "19200")
    with pytest.raises(SettingError, match=r"MILLRACE_OPENSEARCH_PORT='19200' is not a port: give .* to 9299"):
        Instance.from_environment()
