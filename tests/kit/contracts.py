"""The contracts of all domains."""

import importlib
import pkgutil
from collections.abc import Iterator

from kernel import contracts
from kernel.contracts.event import Event

DOMAINS = [module.name for module in pkgutil.iter_modules(contracts.__path__)]


def of_domain(domain: str) -> list[type[Event]]:
    """Return the contracts that the module *domain* of `kernel.contracts` holds."""
    name = importlib.import_module(f"kernel.contracts.{domain}").__name__
    return [contract for contract in _leaves(Event) if contract.__module__ == name]


def topics_by_publisher() -> dict[str, set[str]]:
    """Return the topics of each domain that publishes some."""
    topics: dict[str, set[str]] = {}
    for contract in [each for domain in DOMAINS for each in of_domain(domain)]:
        topics.setdefault(contract.source.removeprefix("/"), set()).add(contract.topic)
    return topics


def _leaves(base: type[Event]) -> Iterator[type[Event]]:
    """Yield the contracts below *base*: the classes that nothing derives from."""
    for derived in base.__subclasses__():
        yield from _leaves(derived) if derived.__subclasses__() else [derived]
