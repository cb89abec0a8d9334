"""How the trigger reaches other AWS services; LocalStack's way is in `localstack_clients`, tests bring their own."""

from typing import Any, Protocol

Client = Any  # boto3 makes its clients at run time: they have no types


class Clients(Protocol):
    def __call__(self, service: str, account: str, region: str) -> Client:
        """Return a client of *service* that acts as *account* in *region*; called from several threads at a time."""
        ...
