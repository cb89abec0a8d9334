"""GET /health: whether the API answers; it asks nobody else."""

from kernel import http
from operations.schemas import Health


@http.endpoint()
def handler(_request: http.Request) -> Health:
    return Health()
