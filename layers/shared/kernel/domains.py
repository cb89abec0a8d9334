"""Domains by the names of their modules: a domain is a package, and its name is its database's."""


def domain_of(module: str) -> str:
    """Return the domain of a module, whose `__name__` is given: its top-level package."""
    return module.partition(".")[0]
