"""`--quick`: the tests that need no server. What a test needs is seen in its fixtures; nobody keeps a list."""

import pytest

from tests.kit import servers


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="only the tests that need no server")


def pytest_configure(config: pytest.Config) -> None:
    servers.refuse(quick=config.getoption("quick"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("quick"):
        config.hook.pytest_deselected(items=[item for item in items if needs_server(item)])
        items[:] = [item for item in items if not needs_server(item)]


def needs_server(item: pytest.Item) -> bool:
    """Return whether one of the test's fixtures, or of theirs, starts a server or another program."""
    return not servers.STARTED_BY.isdisjoint(getattr(item, "fixturenames", ()))
