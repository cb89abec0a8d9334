"""The API's port serves the application under any host, and nothing of LocalStack."""

import json
import socket
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest

from millrace_local.deployment import aws
from millrace_local.instance import HOST, STAGE, Instance
from tests.kit.raw_http import Reply, send
from tests.kit.servers import wait_until
from tests.local_cloud.api_port.hosts import HOSTS

TAGS = {"aws:cloudformation:stack-name": f"millrace-{STAGE}", "aws:cloudformation:logical-id": "Api"}
TARGETS = (
    "/health",
    "/",
    "//",
    "/?Action=ListUsers&Version=2010-05-08",
    "/_localstack/health",
    "/_localstack/info",
    "/_aws/ses",
    f"/_aws/execute-api/abc/{STAGE}/health",
    f"/restapis/abc/{STAGE}/_user_request_/health",
    "/health?next=/_user_request_/secret",
    "/_millrace/mappings",
    "/_millrace/v1/mappings",
    f"/{STAGE}/health",
    "/2015-03-31/functions",
    "/a%2Fb%20c",
)
GET_SECRET = {
    "X-Amz-Target": "secretsmanager.ListSecrets",
    "Content-Type": "application/json",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/secretsmanager/aws4_request, Signature=a",
}


def ask(instance: Instance, target: str, headers: dict[str, str], method: str = "GET", body: bytes = b"") -> Reply:
    return send(instance.ports["api"], method, target, headers, body)


@pytest.fixture(scope="module")
def application(localstack: Instance) -> Iterator[Instance]:
    """Deploy an API in place of the application's. It answers every path with the request that it got."""
    gateway = aws.client(localstack, "apigateway")
    api = gateway.create_rest_api(name=str(uuid4()), tags=TAGS)["id"]
    [root] = gateway.get_resources(restApiId=api)["items"]
    proxy = gateway.create_resource(restApiId=api, parentId=root["id"], pathPart="{proxy+}")
    for resource in (root["id"], proxy["id"]):
        _echo(gateway, {"restApiId": api, "resourceId": resource, "httpMethod": "ANY"})
    gateway.create_deployment(restApiId=api, stageName=STAGE)
    wait_until(lambda: ask(localstack, "/", {}).status == HTTPStatus.OK, what="the API to be deployed")
    yield localstack
    gateway.delete_rest_api(restApiId=api)


def _echo(gateway: Any, method: dict[str, str]) -> None:  # noqa: ANN401 - a boto3 client
    gateway.put_method(**method, authorizationType="NONE")
    gateway.put_integration(**method, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    gateway.put_method_response(**method, statusCode="200")
    template = '{"path": "$context.path", "name": "$context.domainName"}'
    gateway.put_integration_response(**method, statusCode="200", responseTemplates={"application/json": template})


@pytest.mark.parametrize("headers", HOSTS.values(), ids=HOSTS)
@pytest.mark.parametrize("target", TARGETS)
def test_every_path_is_the_application_s_under_every_name(
    application: Instance, headers: dict[str, str], target: str
) -> None:
    answer = ask(application, target, headers)

    assert json.loads(answer.body)["path"] == f"/{STAGE}" + target.partition("?")[0], answer.body


def test_a_tunnel_s_name_is_the_application_s_domain(application: Instance) -> None:
    assert json.loads(ask(application, "/", {"Host": "shop.example.com"}).body)["name"] == "shop.example.com"


@pytest.mark.parametrize("headers", HOSTS.values(), ids=HOSTS)
def test_no_call_to_aws_is_answered_as_one(application: Instance, headers: dict[str, str]) -> None:
    answer = ask(application, "/", headers | GET_SECRET, "POST", b"{}")

    assert json.loads(answer.body)["path"] == f"/{STAGE}/"


@pytest.mark.parametrize("authority", ["http://shop.example.com", "http://s3.localhost.localstack.cloud:4566"])
def test_a_whole_url_as_target_is_its_path(application: Instance, authority: str) -> None:
    answer = ask(application, f"{authority}/health?a=b", {"Host": "localhost"})

    assert json.loads(answer.body)["path"] == f"/{STAGE}/health"


def test_a_request_of_http_1_0_needs_no_host(application: Instance) -> None:
    with socket.create_connection((HOST, application.ports["api"]), timeout=20) as connection:
        connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        answer = connection.makefile("rb").read()

    assert b" 200 " in answer.splitlines()[0]
    assert f'"path": "/{STAGE}/health"'.encode() in answer


def test_an_upgrade_to_a_websocket_is_ignored(application: Instance) -> None:
    """As by a REST API on AWS, and so that LocalStack's own sockets are out of reach."""
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    answer = ask(application, "/health", {"Connection": "Upgrade", "Upgrade": "websocket", **key})

    assert json.loads(answer.body)["path"] == f"/{STAGE}/health"


def test_a_preflight_is_the_application_s(application: Instance) -> None:
    page = {"Host": "localhost", "Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    answer = ask(application, "/health", page, "OPTIONS")

    assert json.loads(answer.body)["path"] == f"/{STAGE}/health"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_localstack_s_port_serves_localstack(application: Instance) -> None:
    host = {"Host": f"localhost:{application.ports['api']}"}
    answer = send(application.ports["localstack"], "GET", "/_localstack/info", host)

    assert "session_id" in json.loads(answer.body)
