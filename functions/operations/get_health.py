"""GET /health, HEAD /health: whether the API answers; it asks nobody else."""

from kernel import http
from operations.schemas import Health


@http.endpoint(rate="none", any_query=True)
def handler(_request: http.Request) -> Health:
    return Health()
