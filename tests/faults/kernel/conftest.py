"""The rig's servers, and the rig, of one test process."""

from collections.abc import Iterator

import pytest

from millrace_plugin.kafka_trigger import backoff
from tests.faults.harness import servers
from tests.faults.harness.rigs import Rigs
from tests.faults.harness.servers import Servers
from tests.kit.servers import starts_server


@pytest.fixture(autouse=True)
def _pauses_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the trigger's pauses back afterwards: a rig shortens them for its whole process."""
    for name in ("FIRST_SECONDS", "LONGEST_SECONDS"):
        monkeypatch.setattr(backoff, name, getattr(backoff, name))


@starts_server
@pytest.fixture(scope="session")
def rig_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A Postgres and a Kafka that cases may kill."""
    with servers.running(tmp_path_factory.mktemp("rig")) as running:
        yield running


@pytest.fixture(scope="session")
def rigs(rig_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rigs]:
    shared = Rigs(rig_servers, lambda: tmp_path_factory.mktemp("functions"))
    yield shared
    shared.close()
