"""GET /health, HEAD /health: whether the API answers; it asks nobody else."""

from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from operations.schemas import Health


@endpoint(rate="none", any_query=True)
def handler(_request: Request) -> Health:
    return Health()
