"""The name of a domain, which is the package of its modules."""


def of(module: str) -> str:
    """Return the domain of *module* (`orders` of `orders.create_order`), to be called with `__name__`."""
    return module.partition(".")[0]
