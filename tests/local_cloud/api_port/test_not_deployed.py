"""What the API's port says before there is an application."""

import json
from http import HTTPStatus

import pytest

from millrace_local.instance import Instance
from tests.local_cloud.api_port.hosts import HOSTS
from tests.raw_http import send


@pytest.mark.parametrize("headers", HOSTS.values(), ids=HOSTS)
def test_without_an_application_every_request_is_told_so(localstack: Instance, headers: dict[str, str]) -> None:
    for target in ("/health", "/_localstack/health", "http://s3.amazonaws.com/bucket"):
        answer = send(localstack.ports["api"], "GET", target, headers)

        assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "not deployed" in json.loads(answer.body)["detail"]
