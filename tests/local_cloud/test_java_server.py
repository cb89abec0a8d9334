"""The cache from which the servers on Java start."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from millrace_local.instance import TOOLS, Instance
from millrace_local.servers import java
from millrace_local.servers.java import Jars
from millrace_local.servers.java_server import JavaServer
from millrace_local.servers.kafka import Kafka
from millrace_local.servers.opensearch import OpenSearch


@pytest.mark.parametrize("server", [Kafka(), OpenSearch()], ids=lambda server: server.name)
def test_a_server_starts_from_the_recorded_cache(server: JavaServer, own_instance: Instance) -> None:
    """Java takes the cache with the options and jars of the server's command line, or this start would fail."""
    server.prepare(own_instance)
    program, *options = server.java(own_instance)
    started = subprocess.run([program, "-XX:AOTMode=on", *options, "-version"], check=False, capture_output=True)
    assert started.returncode == 0, started.stderr


def test_starts_at_once_record_one_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for it. It costs seconds of both cores, and tests start several clouds."""
    monkeypatch.setattr(java, "TOOLS", tmp_path)
    recorded = []

    class Recorder(Kafka):
        def _record_cache(self, instance: Instance) -> None:
            recorded.append(instance)
            self.cache().touch()

        def _configure(self, _instance: Instance) -> None:
            pass

    server, instances = Recorder(), [Instance(tmp_path / name, {}) for name in "abc"]
    server.jars.folder.mkdir(parents=True)
    with ThreadPoolExecutor() as starts:
        list(starts.map(server.prepare, instances))
    assert len(recorded) == 1


def test_other_jars_have_another_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Java ignores the cache of jars with other times, so a copied or renewed folder has to record one of its own."""
    monkeypatch.setattr(java, "TOOLS", tmp_path)
    server = Kafka()
    folder = Jars("Kafka", server.version(), ()).folder
    folder.mkdir(parents=True)
    (folder / "kafka.jar").touch()
    recorded = server.cache()
    assert server.cache() == recorded
    assert not recorded.is_relative_to(TOOLS)
    os.utime(folder / "kafka.jar", (1, 1))
    assert server.cache() != recorded
