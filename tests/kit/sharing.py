"""How processes share the tests: one begins with those of the whole cloud, the others do the rest file by file."""

from collections import Counter

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# What works on the whole cloud, which is too heavy to be there twice.
CLOUD = ("tests/end_to_end/", "tests/faults/test_")
# Each leaves a cloud whose functions have all to start again, and the last two each other's parameters.
LAST = ("tests/faults/test_killed_servers.py", "tests/faults/test_deployment.py", "tests/faults/test_lifecycle.py")
# What works on OpenSearch, which is slow to start: one process has it, and the others need none.
OPENSEARCH = (
    "tests/catalog/",
    "tests/local_cloud/front_door/test_other_servers.py",
    "tests/local_cloud/test_listening.py",
)
CLOUDS_TESTS, OPENSEARCHS_TESTS = "the cloud's tests", "OpenSearch's tests"
SHARES = {CLOUDS_TESTS: CLOUD, OPENSEARCHS_TESTS: OPENSEARCH}


class Shares(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Share the tests file by file. The cloud's tests are one share, the first: the longest would be a long tail."""

    def _split_scope(self, nodeid: str) -> str:
        alone = nodeid.partition("::")[0]
        return next((share for share, paths in SHARES.items() if nodeid.startswith(paths)), alone)

    def _assign_work_unit(self, node: object) -> None:
        if CLOUDS_TESTS in self.workqueue:
            self.workqueue.move_to_end(CLOUDS_TESTS, last=False)
        super()._assign_work_unit(node)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse two tests of one name: different processes could run one of them. Put those of `LAST` last."""
    twice = sorted(name for name, count in Counter(item.nodeid for item in items).items() if count > 1)
    if twice:
        message = f"More than one test is called {', '.join(twice)}."
        raise pytest.UsageError(message)
    places = {name: number for number, name in enumerate(LAST, 1)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], 0))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    return Shares(config, log)
