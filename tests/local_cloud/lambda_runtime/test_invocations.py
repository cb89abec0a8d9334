"""All ways by which LocalStack invokes a function, on a real LocalStack."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from botocore.exceptions import ClientError

from millrace_local.instance import ACCOUNT, REGION
from tests.kit.servers import wait_until
from tests.local_cloud.lambda_runtime.urls import Url

if TYPE_CHECKING:
    from tests.local_cloud.lambda_runtime.conftest import Cloud

LIMIT = 6 * 1024 * 1024
EVENT_LIMIT = 1024 * 1024
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
SAY = "import json\ndef handler(event, context): print('got', json.dumps(event, sort_keys=True))"
CONTEXT = "def handler(event, context): return context.client_context and context.client_context.custom"


def arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def said(functions: "Cloud", name: str, *words: str) -> None:
    """Wait until the function has written one line with all of *words*."""
    wait_until(
        lambda: any(all(word in line for word in words) for line in functions.log_lines(name)),
        seconds=60,
        what=f"{name} to write {words}, not {functions.log_lines(name)}",
    )


def unique(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def encoded(client_context: object) -> str:
    return base64.b64encode(json.dumps(client_context).encode()).decode()


@pytest.fixture
def sayer(functions: "Cloud") -> str:
    """Create a function that logs its event."""
    return functions.create(SAY, Timeout=30)


def test_no_invocation_sees_the_client_context_of_another(functions: "Cloud") -> None:
    """A warm environment passes on the context of its own invocation, and none where there is none."""
    url = Url(functions, CONTEXT)
    context = encoded({"custom": {"who": "me"}})
    for _ in range(2):
        assert functions.invoke(url.name, ClientContext=context).payload == {"who": "me"}
        assert functions.invoke(url.name).payload is None
        assert functions.invoke(url.name, ClientContext=context).payload == {"who": "me"}
        assert url.request("GET").json() is None


@pytest.mark.parametrize("context", ["{}", "bm8ganNvbg==", "e30", encoded([1]), encoded("x"), "e3{0="])
@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
def test_a_client_context_that_is_no_json_object_in_base64_is_refused(
    functions: "Cloud", context: str, kind: str
) -> None:
    """Before the function runs, in AWS's words, whatever makes it invalid and however the invocation is to run."""
    name = functions.create(CONTEXT)
    response = httpx.post(
        f"{functions.instance.localstack_url}/2015-03-31/functions/{name}/invocations",
        headers={
            "X-Amz-Client-Context": context,
            "X-Amz-Invocation-Type": kind,
            "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/lambda/aws4_request",
        },
        content=b"{}",
    )
    assert response.status_code == 400
    assert response.headers["x-amzn-ErrorType"] == "InvalidRequestContentException"
    assert "Client context must be a valid Base64-encoded JSON object." in response.text


@pytest.mark.parametrize(("kind", "limit"), [("RequestResponse", LIMIT), ("Event", EVENT_LIMIT)])
def test_a_payload_over_the_limit_is_refused(functions: "Cloud", kind: str, limit: int) -> None:
    """Exactly the limit is invoked, a byte more is 413 in AWS's words."""
    name = functions.create("def handler(event, context): print('length', len(event))", Timeout=30)
    functions.functions.invoke(FunctionName=name, InvocationType=kind, Payload=b'"%s"' % (b"x" * (limit - 2)))
    said(functions, name, f"length {limit - 2}")
    with pytest.raises(ClientError) as refused:
        functions.functions.invoke(FunctionName=name, InvocationType=kind, Payload=b'"%s"' % (b"x" * (limit - 1)))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert refused.value.response["Error"] == {
        "Code": "RequestEntityTooLargeException",
        "Message": f"{limit + 1} byte payload is too large for the {kind} invocation type (limit {limit} bytes)",
    }


@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
@pytest.mark.parametrize("payload", [b"{not", b"'one'", b"\xff"])
def test_a_payload_that_is_no_json_is_refused(functions: "Cloud", kind: str, payload: bytes) -> None:
    """Before the function runs: an event would fail three times, and no destination could take it."""
    name = functions.create(CONTEXT)
    with pytest.raises(ClientError, match=r"InvalidRequestContentException.*Could not parse payload into json"):
        functions.functions.invoke(FunctionName=name, InvocationType=kind, Payload=payload)


def api_of(functions: "Cloud", name: str, kind: str) -> str:
    """Return the address of a REST API whose one method invokes the function by an integration of *kind*."""
    gateway = functions.client("apigateway")
    api = gateway.create_rest_api(name=unique("a"))["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    at = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    gateway.put_method(**at, authorizationType="NONE")
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn(name)}/invocations"
    gateway.put_integration(**at, type=kind, integrationHttpMethod="POST", uri=uri)
    if kind == "AWS":
        gateway.put_method_response(**at, statusCode="200")
        gateway.put_integration_response(**at, statusCode="200")
    gateway.create_deployment(restApiId=api, stageName="s")
    return f"{functions.instance.localstack_url}/_aws/execute-api/{api}/s/"


@pytest.mark.parametrize("kind", ["AWS", "AWS_PROXY"])
def test_api_gateway_invokes(functions: "Cloud", kind: str) -> None:
    """An integration of either kind invokes the function, and a proxied request over 6 MB is 413."""
    name = functions.create(
        "def handler(event, context): return {'statusCode': 200, 'body': str(len(event.get('body', event)))}",
        Timeout=30,
    )
    address = api_of(functions, name, kind)
    answer = httpx.post(address, json={"a": 1, "b": 2}, timeout=60)
    assert answer.status_code == 200
    if kind == "AWS":
        assert answer.json()["body"] == "2"
    else:
        assert answer.text == str(len(answer.request.content))
        assert httpx.post(address, content=b'"%s"' % (b"x" * LIMIT), timeout=60).status_code == 413


def test_sns_invokes(functions: "Cloud", sayer: str) -> None:
    """A message of a topic that the function subscribes to comes as an event of SNS."""
    sns = functions.client("sns")
    topic = sns.create_topic(Name=unique("t"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn(sayer))
    sns.publish(TopicArn=topic, Message="from SNS")
    said(functions, sayer, "aws:sns", "from SNS")


def test_sqs_invokes(functions: "Cloud", sayer: str) -> None:
    """A mapping of a queue hands its messages over."""
    sqs = functions.client("sqs")
    queue = sqs.create_queue(QueueName=unique("q"))["QueueUrl"]
    source = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    functions.functions.create_event_source_mapping(FunctionName=sayer, EventSourceArn=source)
    sqs.send_message(QueueUrl=queue, MessageBody="from SQS")
    said(functions, sayer, "aws:sqs", "from SQS")


def test_eventbridge_invokes(functions: "Cloud", sayer: str) -> None:
    """An event that a rule matches goes to its target."""
    events = functions.client("events")
    rule = unique("r")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn(sayer)}])
    events.put_events(Entries=[{"Source": rule, "DetailType": "d", "Detail": '{"of": "EventBridge"}'}])
    said(functions, sayer, rule, '"of": "EventBridge"')


def test_s3_invokes(functions: "Cloud", sayer: str) -> None:
    """A bucket's notification about a new object invokes the function."""
    s3 = functions.client("s3")
    bucket = unique("b")
    s3.create_bucket(Bucket=bucket)
    configuration = {"LambdaFunctionArn": arn(sayer), "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
    )
    s3.put_object(Bucket=bucket, Key="from-s3", Body=b"x")
    said(functions, sayer, "aws:s3", "from-s3")


def test_step_functions_invoke(functions: "Cloud") -> None:
    """A task invokes the function by its ARN, and by lambda:invoke with a client context."""
    name = functions.create(f"{CONTEXT}, event", Timeout=30)
    machines = functions.client("stepfunctions")
    parameters = {"FunctionName": name, "Payload": 2, "ClientContext": encoded({"custom": {"who": "machine"}})}
    invoke = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters, "End": True}
    states = {"ByArn": {"Type": "Task", "Resource": arn(name), "Next": "Invoke"}, "Invoke": invoke}
    definition = json.dumps({"StartAt": "ByArn", "States": states})
    machine = machines.create_state_machine(name=unique("m"), definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = machines.start_execution(stateMachineArn=machine, input="1")["executionArn"]
    wait_until(lambda: machines.describe_execution(executionArn=execution)["status"] != "RUNNING", seconds=60)
    done = machines.describe_execution(executionArn=execution)
    assert done["status"] == "SUCCEEDED", done
    assert json.loads(done["output"])["Payload"] == [{"who": "machine"}, 2]


def test_a_log_subscription_invokes(functions: "Cloud", sayer: str) -> None:
    """A subscription filter hands a group's new lines to its function."""
    group = unique("/g")
    functions.logs.create_log_group(logGroupName=group)
    functions.logs.create_log_stream(logGroupName=group, logStreamName="s")
    functions.logs.put_subscription_filter(
        logGroupName=group, filterName="f", filterPattern="", destinationArn=arn(sayer)
    )
    event = {"timestamp": time.time_ns() // 1_000_000, "message": "from a log"}
    functions.logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])
    said(functions, sayer, "awslogs")


@pytest.fixture
def destination(functions: "Cloud") -> Iterator[str]:
    """Create a queue for the results of asynchronous invocations. Returns its URL."""
    sqs = functions.client("sqs")
    queue = sqs.create_queue(QueueName=unique("q"))["QueueUrl"]
    yield queue
    sqs.delete_queue(QueueUrl=queue)


def test_a_failed_event_goes_to_the_dead_letter_queue(functions: "Cloud", destination: str) -> None:
    """An asynchronous invocation that fails for good is a message of DeadLetterConfig's queue, with the error."""
    sqs = functions.client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=destination, AttributeNames=["QueueArn"])["Attributes"]
    name = functions.create(
        "def handler(event, context): raise OSError(str(len(event)))",
        DeadLetterConfig={"TargetArn": attributes["QueueArn"]},
        Timeout=30,
    )
    functions.functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    functions.functions.invoke(FunctionName=name, InvocationType="Event", Payload=b'"four"')
    received = sqs.receive_message(QueueUrl=destination, WaitTimeSeconds=20, MessageAttributeNames=["All"])
    message = received["Messages"][0]["MessageAttributes"]["ErrorMessage"]["StringValue"]
    assert message == "4"
