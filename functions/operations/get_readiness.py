"""GET /health/ready, HEAD /health/ready: whether everything that the functions stand on answers, and how fast."""

from http import HTTPStatus

from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply
from operations import dependencies
from operations.schemas import Readiness


@endpoint(rate="none", any_query=True, other_status=HTTPStatus.SERVICE_UNAVAILABLE)
def handler(_request: Request) -> Reply[Readiness]:
    found = dependencies.check_all()
    ready = all(each.status == "UP" for each in found)
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return Reply(Readiness("UP" if ready else "DOWN", found), status)
