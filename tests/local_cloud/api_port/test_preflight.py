"""The template's answers to preflight requests, and its gateway responses, on a real LocalStack."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from kernel.web import responses
from millrace_local.deployment import aws
from millrace_local.instance import STAGE, Instance
from tests.kit.raw_http import Reply, send
from tests.kit.servers import wait_until
from tests.local_cloud.api_port.test_application import TAGS
from tools.template import expanded

ORIGINS = ("http://one.example", "http://two.example")
PARAMETERS = {"CorsAllowedOrigins": ",".join(ORIGINS), "Stage": STAGE}
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"


def resolved(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return *value* with the intrinsic functions of the API's part of the template resolved."""
    match value:
        case {"Fn::Sub": str(text)}:
            for name, parameter in PARAMETERS.items():
                text = text.replace(f"${{{name}}}", parameter)
            return text
        case {"Fn::Sub": [str(text), {"First": _}]}:
            return text.replace("${First}", ORIGINS[0])
        case dict():
            return {name: resolved(each) for name, each in value.items()}
        case list():
            return [resolved(each) for each in value]
    return value


@pytest.fixture(scope="module")
def application(localstack: Instance) -> Iterator[Instance]:
    """Deploy the application's API, with the routes that need no function."""
    body = resolved(expanded()["Api"]["Properties"]["Body"])
    body["paths"] = {path: {"options": methods["options"]} for path, methods in body["paths"].items()}
    gateway = aws.client(localstack, "apigateway")
    api = gateway.create_rest_api(name=str(uuid4()), tags=TAGS)["id"]
    gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(body).encode())
    for kind, declared in body[GATEWAY_RESPONSES].items():
        more = {"statusCode": declared["statusCode"]} if "statusCode" in declared else {}
        parameters, templates = declared["responseParameters"], declared["responseTemplates"]
        gateway.put_gateway_response(
            restApiId=api, responseType=kind, responseParameters=parameters, responseTemplates=templates, **more
        )
    gateway.create_deployment(restApiId=api, stageName=STAGE)
    wait_until(lambda: ask(localstack, "/health").status == 204, what="the API to be deployed")
    yield localstack
    gateway.delete_rest_api(restApiId=api)


def ask(instance: Instance, path: str, origin: str | None = None, method: str = "OPTIONS") -> Reply:
    headers = PREFLIGHT | ({"Origin": origin} if origin else {})
    return send(instance.ports["api"], method, path, {"Host": "shop.example.com", **headers})


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("path", ["/health", "/api/v1/notes", "/api/v1/notifications/1/read", "/events/generate"])
def test_each_allowed_origin_may_ask(application: Instance, origin: str, path: str) -> None:
    """With every security header, for any route."""
    answer = ask(application, path, origin)

    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert {"POST", "HEAD"} <= set(answer.headers["Access-Control-Allow-Methods"].split(","))
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert {name: answer.headers[name] for name in responses.SECURITY_HEADERS} == responses.SECURITY_HEADERS


@pytest.mark.parametrize("origin", ["http://evil.example", ",".join(ORIGINS), "http://one.example.evil", "", None])
def test_no_other_origin_may(application: Instance, origin: str | None) -> None:
    """The answer is the same for all of them, and allows nothing."""
    assert ask(application, "/health", origin).headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("path", ["/no/such/route", "/health"])
def test_a_missing_route_is_a_problem_that_a_page_can_read(application: Instance, path: str) -> None:
    """The gateway answers it alone: with every header, and the first of the allowed origins."""
    answer = ask(application, path, ORIGINS[0], method="DELETE")

    assert answer.status == 404
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGINS[0]
    assert {name: answer.headers[name] for name in responses.SECURITY_HEADERS} == responses.SECURITY_HEADERS
    assert json.loads(answer.body)["status"] == 404
