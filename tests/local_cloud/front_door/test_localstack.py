"""LocalStack's port refuses other sites' pages and other hosts, and serves what developers use."""

from http import HTTPStatus
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
import pytest

from millrace_local.deployment import aws
from millrace_local.instance import Instance
from tests.kit.raw_http import Reply, send
from tests.kit.servers import OFTEN
from tests.local_cloud.front_door.cases import BROWSER, IMAGE, UNWELCOME, WELCOME

INFO = "/_localstack/info"
EVIL = {"Host": "localhost", "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "User-Agent": BROWSER}


def ask(instance: Instance, target: str, headers: dict[str, str], method: str = "GET", body: bytes = b"") -> Reply:
    return send(instance.ports["localstack"], method, target, headers, body)


@pytest.fixture(scope="module")
def stack(localstack: Instance) -> str:
    """Create a stack. Returns its name."""
    name = f"stack-{uuid4()}"
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    cloudformation = aws.client(localstack, "cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=OFTEN)
    return name


def is_there(instance: Instance, stack: str) -> bool:
    stacks = aws.client(instance, "cloudformation").describe_stacks()["Stacks"]
    return any(each["StackName"] == stack and each["StackStatus"] == "CREATE_COMPLETE" for each in stacks)


@pytest.mark.parametrize("headers", WELCOME.values(), ids=WELCOME)
def test_clients_come_in(localstack: Instance, headers: dict[str, str]) -> None:
    assert ask(localstack, "/_localstack/health", headers).status != HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("headers", UNWELCOME.values(), ids=UNWELCOME)
@pytest.mark.parametrize("target", [INFO, "/_aws/ses", "/2015-03-31/functions", "/nothing"])
def test_strangers_stay_out(localstack: Instance, headers: dict[str, str], target: str) -> None:
    assert ask(localstack, target, headers).status == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("host", ["localhost", "localhost.localstack.cloud", "any.s3.localhost.localstack.cloud"])
def test_an_image_deletes_no_stack(localstack: Instance, stack: str, host: str) -> None:
    """At LocalStack's own name browsers do not say where a request comes from."""
    sent = IMAGE if host == "localhost" else {"User-Agent": BROWSER}
    answer = ask(localstack, f"/?Action=DeleteStack&StackName={stack}", {"Host": host, **sent})

    assert answer.status == HTTPStatus.FORBIDDEN
    assert is_there(localstack, stack)


@pytest.mark.parametrize("path", ["/", "/_aws/execute-api", "/restapis/a/_user_request_", "/_aws/execute-api//x"])
def test_a_page_from_elsewhere_deletes_no_stack(localstack: Instance, stack: str, path: str) -> None:
    """LocalStack exempts what looks like an API's address from its allow-list, whatever answers in the end."""
    answer = ask(localstack, f"{path}?Action=DeleteStack&StackName={stack}", EVIL, "POST")

    assert answer.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.PERMANENT_REDIRECT}
    assert is_there(localstack, stack)


def test_a_bucket_s_name_hides_no_other_service(localstack: Instance, stack: str) -> None:
    form = f"Action=DeleteStack&StackName={stack}".encode()
    headers = EVIL | {"Host": "any.s3.localhost.localstack.cloud", "Content-Type": "application/x-www-form-urlencoded"}

    assert ask(localstack, "/", headers, "POST", form).status == HTTPStatus.FORBIDDEN
    assert is_there(localstack, stack)


def test_a_page_from_elsewhere_deletes_no_object(localstack: Instance) -> None:
    s3 = aws.client(localstack, "s3")
    s3.create_bucket(Bucket=(bucket := str(uuid4())))
    s3.put_object(Bucket=bucket, Key="key", Body=b"kept")
    request = b"<Delete><Object><Key>key</Key></Object></Delete>"

    answer = ask(localstack, f"/{bucket}?delete", EVIL | {"Content-Type": "text/plain"}, "POST", request)

    assert answer.status == HTTPStatus.FORBIDDEN
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"kept"


@pytest.mark.parametrize(
    "path",
    ["/_localstack/health", "//_localstack/health", "/_aws/lambda/runtimes", "/_millrace/a", "/_millrace/v1/functions"],
)
def test_an_api_s_host_opens_no_path_of_localstack_s_own(localstack: Instance, path: str) -> None:
    """Who may post to `/_localstack/health` may end LocalStack."""
    page = EVIL | {"Host": "any.execute-api.localhost.localstack.cloud", "Content-Type": "text/plain"}

    for method in ("GET", "POST"):
        answer = ask(localstack, path, page, method, b'{"action": "none"}')

        assert answer.status == HTTPStatus.FORBIDDEN, answer.body


def test_an_api_has_cors_rules_of_its_own(localstack: Instance) -> None:
    for path, host in (
        ("/", "any.execute-api.localhost.localstack.cloud"),
        ("/_aws/execute-api/any/stage/", "localhost"),
    ):
        aws.client(localstack, "apigateway").get_rest_apis()
        answer = ask(localstack, path, EVIL | {"Host": host}, "POST")

        assert b"'any' does not correspond to a deployed API" in answer.body


def test_a_front_end_of_this_machine_uploads_to_s3(localstack: Instance) -> None:
    aws.client(localstack, "s3").create_bucket(Bucket=(bucket := str(uuid4())))
    page = {"Host": "localhost", "Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}

    assert ask(localstack, f"/{bucket}/key", page, "PUT", b"picture").status == HTTPStatus.OK


def test_localstack_s_allow_list_decides_about_an_origin(localstack: Instance) -> None:
    own = f"http://localhost:{localstack.ports['localstack']}"

    assert ask(localstack, INFO, EVIL | {"Origin": own}).status == HTTPStatus.OK
    assert ask(localstack, INFO, EVIL).status == HTTPStatus.FORBIDDEN


def test_a_websocket_of_another_name_is_refused(localstack: Instance) -> None:
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    upgrade = {"Host": "evil.example", "Connection": "Upgrade", "Upgrade": "websocket", **key}

    assert ask(localstack, "/", upgrade).status == HTTPStatus.FORBIDDEN


def test_a_refusal_says_what_to_use(localstack: Instance) -> None:
    assert b"use localhost, 127.0.0.1" in ask(localstack, INFO, {"Host": "evil.example"}).body


def test_buckets_are_hosts_of_localstack_s_name(localstack: Instance) -> None:
    aws.client(localstack, "s3").create_bucket(Bucket=(bucket := str(uuid4())))
    aws.client(localstack, "s3").put_object(Bucket=bucket, Key="key", Body=b"by its host")

    answer = ask(localstack, "/key", {"Host": f"{bucket}.s3.localhost.localstack.cloud:4566"})

    assert answer.body == b"by its host"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_the_endpoint_has_its_usual_names(localstack: Instance, name: str) -> None:
    url = f"http://{name}:{localstack.ports['localstack']}"
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

    assert boto3.client("sts", endpoint_url=url, region_name="us-east-1", **keys).get_caller_identity()["Account"]


def test_the_addresses_that_localstack_gives_out_come_in(localstack: Instance) -> None:
    queue = aws.client(localstack, "sqs").create_queue(QueueName=str(uuid4()))["QueueUrl"]

    address = urlsplit(queue)
    action = f"{address.path}?Action=GetQueueAttributes&Version=2012-11-05"

    assert address.port == localstack.ports["localstack"]
    assert ask(localstack, action, {"Host": address.netloc}).status == HTTPStatus.OK
