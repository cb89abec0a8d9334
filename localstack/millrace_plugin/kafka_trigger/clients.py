"""The interface by which the trigger gets clients of AWS services. `localstack_clients` implements it, tests do too."""

from typing import Any, Protocol

Client = Any  # boto3 makes its clients at run time: they have no types


class Clients(Protocol):
    def __call__(self, service: str, account: str, region: str) -> Client:
        """Return a client of *service* that acts as *account* in *region*. Several threads may call at a time."""
        ...
