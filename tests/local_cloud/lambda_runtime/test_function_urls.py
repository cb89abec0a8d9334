"""Functions' URLs on a real LocalStack: events, answers, CORS, authentication and refusals."""

import json
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.lambda_runtime.urls import SIGNED, Url

if TYPE_CHECKING:
    from tests.local_cloud.lambda_runtime.conftest import Cloud

LIMIT = 6 * 1024 * 1024
SHOP, OWN, EVIL = "https://shop.example.com", "http://localhost:3000", "https://evil.example"
CORS = {
    "AllowCredentials": True,
    "AllowHeaders": ["authorization", "x-own"],
    "AllowMethods": ["GET", "PUT"],
    "AllowOrigins": [SHOP, "https://other.example"],
    "ExposeHeaders": ["x-seen", "date"],
    "MaxAge": 300,
}
COUNT = """
import os
count = 0
def handler(event, context):
    global count
    count += 1
    own = {'Access-Control-Allow-Origin': 'https://own.example', 'X-Seen': str(count)}
    return {'statusCode': 200, 'headers': own if 'own' in event['rawPath'] else {'X-Seen': str(count)}, 'body': 'done'}
"""


def cors_headers(answer: httpx.Response) -> dict[str, list[str]]:
    names = {name.lower() for name in answer.headers if name.lower().startswith("access-control-")}
    return {name.removeprefix("access-control-"): answer.headers.get_list(name) for name in names}


def preflight(url: Url, origin: str) -> httpx.Response:
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-own"}
    return url.request("OPTIONS", "/any/path", headers={"Origin": origin, **asked})


@pytest.mark.parametrize("auth", ["NONE", "AWS_IAM"])
def test_a_function_url_answers(functions: "Cloud", auth: str) -> None:
    """A request to a function's URL is an event of payload format 2.0, and what the function returns is the answer."""
    url = Url(functions, "def handler(event, context): return [event]", auth)
    answer = url.request("POST", "/a/b?x=1&x=2", json={"k": 1}, headers=SIGNED)
    assert answer.status_code == 200
    (event,) = answer.json()
    assert event["version"] == "2.0"
    assert (event["rawPath"], event["rawQueryString"]) == ("/a/b", "x=1&x=2")
    assert event["queryStringParameters"] == {"x": "1,2"}
    assert event["requestContext"]["http"]["method"] == "POST"
    assert (json.loads(event["body"]), event["isBase64Encoded"]) == ({"k": 1}, False)


def test_a_function_url_carries_bytes_and_cookies_both_ways(functions: "Cloud") -> None:
    """Bodies that are no text come as Base64 and go as bytes; cookies are a list in both directions."""
    url = Url(
        functions,
        "def handler(event, context):\n"
        "    return {'statusCode': 201, 'headers': {'Content-Type': 'image/png', 'X-Own': 'yes'},\n"
        "            'cookies': [*event['cookies'], 'c=3; Path=/'], 'isBase64Encoded': event['isBase64Encoded'],\n"
        "            'body': event['body']}",
    )
    content = bytes(range(256))
    answer = url.request(
        "PUT", content=content, headers={"Content-Type": "application/octet-stream", "Cookie": "a=1; b=2"}
    )
    assert (answer.status_code, answer.content, answer.headers["X-Own"]) == (201, content, "yes")
    assert answer.headers.get_list("Set-Cookie") == ["a=1", "b=2", "c=3; Path=/"]


def test_errors_of_a_function_url_are_answers(functions: "Cloud") -> None:
    """A function that raises is 502, one without concurrency 429, and a payload over 6 MB 413."""
    url = Url(functions, "def handler(event, context): return 1 / len(event['rawQueryString'])", Timeout=30)
    assert url.request("GET", "/?x").json() == 1
    assert url.request("GET").status_code == 502
    answer = url.request("POST", "/?x", content=b"x" * LIMIT, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 413
    assert "byte payload is too large" in answer.json()["Message"]
    functions.functions.put_function_concurrency(FunctionName=url.name, ReservedConcurrentExecutions=0)
    assert url.request("GET", "/?x").status_code == 429


@pytest.fixture(scope="module")
def shop(functions: "Cloud") -> Url:
    """Create a URL for the pages of two sites. Its function counts its invocations."""
    return Url(functions, COUNT, cors=CORS, Timeout=30)


def test_a_preflight_is_answered_without_the_function(shop: Url) -> None:
    """With the URL's own settings, whatever the function would say."""
    seen = int(shop.request("GET").headers["X-Seen"])
    for origin in CORS["AllowOrigins"]:  # type: ignore[attr-defined]  # a list of texts
        answer = preflight(shop, origin)
        assert (answer.status_code, answer.content, answer.headers["Vary"]) == (200, b"", "Origin")
        assert cors_headers(answer) == {
            "allow-origin": [origin],
            "allow-credentials": ["true"],
            "allow-headers": ["authorization,x-own"],
            "allow-methods": ["GET,PUT"],
            "max-age": ["300"],
        }
    assert int(shop.request("GET").headers["X-Seen"]) == seen + 1


def test_a_page_that_is_allowed_gets_the_headers_of_cors(shop: Url) -> None:
    answer = shop.request("GET", headers={"Origin": SHOP})
    assert (answer.text, answer.headers["Vary"]) == ("done", "Origin")
    assert cors_headers(answer) == {
        "allow-origin": [SHOP],
        "allow-credentials": ["true"],
        "expose-headers": ["x-seen,date"],
    }


def test_headers_of_the_function_come_beside_those_of_the_url(shop: Url) -> None:
    """As on AWS, where a browser then refuses the answer: a function behind such a URL has to leave them out."""
    answer = shop.request("GET", "/own", headers={"Origin": SHOP})
    assert cors_headers(answer)["allow-origin"] == ["https://own.example", SHOP]


def test_a_page_that_is_not_allowed_gets_no_headers_of_cors(shop: Url) -> None:
    """A page of this machine is answered, as on AWS; one from elsewhere does not come in."""
    assert cors_headers(preflight(shop, OWN)) == {}
    answer = shop.request("GET", headers={"Origin": OWN})
    assert (answer.status_code, cors_headers(answer)) == (200, {})
    seen = int(answer.headers["X-Seen"])
    for origin in (EVIL, "null", f"{SHOP}.evil.example"):
        answer = shop.request("POST", headers={"Origin": origin})
        assert (answer.status_code, cors_headers(answer)) == (403, {})
        assert cors_headers(preflight(shop, origin)) == {}
    assert int(shop.request("GET").headers["X-Seen"]) == seen + 1


def test_a_request_of_no_page_gets_no_headers_of_cors(shop: Url) -> None:
    assert cors_headers(shop.request("GET")) == {}


def test_every_page_may_be_allowed(functions: "Cloud") -> None:
    """Lambda then names the origin that asks; errors carry the headers, too."""
    url = Url(
        functions, "def handler(event, context): return 1 / 0", cors={"AllowOrigins": ["*"], "AllowMethods": ["*"]}
    )
    assert cors_headers(preflight(url, EVIL)) == {"allow-origin": [EVIL], "allow-methods": ["*"]}
    answer = url.request("DELETE", headers={"Origin": EVIL})
    assert (answer.status_code, cors_headers(answer)) == (502, {"allow-origin": [EVIL]})


def test_a_url_without_cors_leaves_preflights_to_the_function(functions: "Cloud") -> None:
    """For pages of this machine; LocalStack adds nothing of its own."""
    source = (
        "def handler(e, c): return {'statusCode': 204, 'headers': {'Access-Control-Allow-Methods': 'PUT'}, 'body': ''}"
    )
    url = Url(functions, source, Timeout=30)
    answer = preflight(url, OWN)
    assert (answer.status_code, cors_headers(answer)) == (204, {"allow-methods": ["PUT"]})
    assert preflight(url, EVIL).status_code == 403


def test_cors_follows_its_updates(functions: "Cloud") -> None:
    """What an update does not name stays, and empty settings end it."""
    url = Url(functions, COUNT, cors={"AllowOrigins": [SHOP]})
    functions.functions.update_function_url_config(FunctionName=url.name, Cors={"AllowOrigins": [OWN]})
    assert cors_headers(preflight(url, OWN)) == {"allow-origin": [OWN]}
    functions.functions.update_function_url_config(FunctionName=url.name, AuthType="NONE")
    assert cors_headers(preflight(url, OWN)) == {"allow-origin": [OWN]}
    functions.functions.update_function_url_config(FunctionName=url.name, Cors={})
    assert preflight(url, OWN).text == "done"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"InvokeMode": "RESPONSE_STREAM"}, r"InvalidParameterValueException.*Use BUFFERED"),
    ({"InvokeMode": "STREAM"}, r"ValidationException.*invokeMode"),
    ({"AuthType": "COGNITO"}, r"ValidationException.*use NONE, AWS_IAM"),
    ({"Cors": {"AllowMethods": ["OPTIONS"]}}, r"ValidationException.*AllowMethods"),
    ({"Cors": {"AllowMethods": ["TRACE"]}}, r"ValidationException.*AllowMethods"),
    ({"Cors": {"AllowOrigins": ["https://" + "x" * 246]}}, r"ValidationException.*AllowOrigins"),
    ({"Cors": {"AllowHeaders": ["x"] * 101}}, r"ValidationException.*AllowHeaders"),
    ({"Cors": {"MaxAge": 86_401}}, r"ValidationException.*MaxAge"),
]


@pytest.mark.parametrize(("settings", "words"), REFUSED)
def test_settings_that_a_url_cannot_have_are_refused(
    functions: "Cloud", shop: Url, settings: dict[str, Any], words: str
) -> None:
    """At the URL's creation and at its update, which changes nothing."""
    name, client = functions.create(COUNT), functions.functions
    with pytest.raises(ClientError, match=words):
        client.create_function_url_config(**({"FunctionName": name, "AuthType": "NONE"} | settings))
    before = client.get_function_url_config(FunctionName=shop.name)
    with pytest.raises(ClientError, match=words):
        client.update_function_url_config(FunctionName=shop.name, **settings)
    assert client.get_function_url_config(FunctionName=shop.name)["Cors"] == before["Cors"]


def test_a_url_may_be_buffered(functions: "Cloud") -> None:
    name = functions.create(COUNT)
    url = functions.functions.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode="BUFFERED")
    assert url["InvokeMode"] == "BUFFERED"


def test_a_url_with_authentication_takes_signed_requests_alone(functions: "Cloud") -> None:
    """The event says who signed; a preflight needs no signature, as browsers send none."""
    url = Url(functions, "def handler(e, c): return e['requestContext']", "AWS_IAM", cors={"AllowOrigins": [SHOP]})
    for headers in ({}, {"Authorization": "Bearer AWS4-HMAC-SHA256"}, {"Authorization": "AWS4-HMAC-SHA256 x"}):
        answer = url.request("GET", headers={"Origin": SHOP, **headers})
        assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
        assert "AWS Signature Version 4" in answer.json()["Message"]
        assert cors_headers(answer) == {"allow-origin": [SHOP]}
    assert preflight(url, SHOP).status_code == 200
    caller = url.request("GET", headers=SIGNED).json()
    assert (
        caller["authorizer"]["iam"] | {"accessKey": "test", "accountId": caller["accountId"]}
        == caller["authorizer"]["iam"]
    )
    presigned = "/?X-Amz-Credential=111122223333%2F20260101%2Fus-east-1%2Flambda%2Faws4_request&X-Amz-Signature=0"
    assert url.request("GET", presigned).json()["accountId"] == "111122223333"
    functions.functions.update_function_url_config(FunctionName=url.name, AuthType="NONE")
    assert "authorizer" not in url.request("GET").json()


def test_the_address_of_a_url_is_a_name_that_resolvers_know(shop: Url) -> None:
    """`*.localhost.localstack.cloud` is 127.0.0.1 for everybody; below an address there are no names."""
    assert httpx.URL(shop.address).host.endswith(".localhost.localstack.cloud")


def test_another_host_is_no_url(functions: "Cloud") -> None:
    host = f"{uuid.uuid4().hex}.lambda-url.us-east-1.localhost.localstack.cloud"
    address = functions.instance.localstack_url
    assert httpx.get(address, headers={"Host": host}).status_code == 403
    assert httpx.options(address, headers={"Host": host, "Origin": EVIL}).status_code == 403
