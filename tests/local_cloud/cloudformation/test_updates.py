"""A second deployment applies everything its template says, or fails and names what it cannot change."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.cloudformation.stacks import Stack
from tests.local_cloud.cloudformation.templates import failing, returning, with_function

ARN = {"Fn::GetAtt": ["Function", "Arn"]}
NAME = {"Ref": "Function"}


def published(source: str, version: str) -> dict[str, Any]:
    """Return what SAM makes of AutoPublishAlias: a new version for new code, and the alias on it."""
    numbered = {"Type": "AWS::Lambda::Version", "DeletionPolicy": "Retain", "Properties": {"FunctionName": NAME}}
    number = {"Fn::GetAtt": [version, "Version"]}
    alias = {"FunctionName": NAME, "FunctionVersion": number, "Name": "live"}
    live = {"Type": "AWS::Lambda::Alias", "Properties": alias}
    return with_function(source, **{version: numbered, "Live": live})


def test_an_alias_moves_to_the_new_version_and_the_old_one_stays(stack: Stack) -> None:
    """The alias is updated, not made a second time."""
    assert stack.deploy(published(returning(1), "VersionA")) == "CREATE_COMPLETE"
    assert stack.deploy(published(returning(2), "VersionB")) == "UPDATE_COMPLETE"
    assert stack.invoke("live") == [2, None]
    assert stack.invoke("1") == [1, None]


def api(source: str, *paths: str) -> dict[str, Any]:
    """Return a REST API as SAM makes it: the deployment's logical id follows the body."""
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": {"Fn::Sub": INVOKE}}
    routes = {path: {"get": {"x-amazon-apigateway-integration": integration, "responses": {}}} for path in paths}
    responses = {"MISSING_AUTHENTICATION_TOKEN": {"statusCode": len(paths) + 410}}
    body = {"swagger": "2.0", "paths": routes, "x-amazon-apigateway-gateway-responses": responses}
    deployment = f"Deployment{len(paths)}"
    permission = {"FunctionName": NAME, "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    stage = {"RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": deployment}, "StageName": "prod"}
    resources = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body, "Name": "api"}},
        deployment: {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Api"}}},
        "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": stage},
        "Permission": {"Type": "AWS::Lambda::Permission", "Properties": permission},
    }
    return with_function(source, **resources)


INVOKE = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"
PROXY = "def handler(event, context):\n    return {'statusCode': 200, 'body': event['path']}\n"


def test_a_rest_api_gets_its_new_routes_in_place(stack: Stack) -> None:
    """The API keeps its id; routes and gateway responses are the new template's, in the stage too."""
    stack.deploy(api(PROXY, "/one"))
    before = stack.physical_ids()["Api"]
    assert fetch(stack, "/one") == (200, "/one")
    assert fetch(stack, "/two")[0] == 411
    assert stack.deploy(api(PROXY, "/one", "/two")) == "UPDATE_COMPLETE"
    assert stack.physical_ids()["Api"] == before
    assert fetch(stack, "/one") == (200, "/one")
    assert fetch(stack, "/two") == (200, "/two")
    assert fetch(stack, "/three")[0] == 412


def fetch(stack: Stack, path: str) -> tuple[int, str]:
    base = f"{stack.instance.localstack_url}/_aws/execute-api/{stack.physical_ids()['Api']}/prod"
    try:
        with urllib.request.urlopen(base + path, timeout=30) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_what_a_new_template_no_longer_has_is_taken_from_the_function(stack: Stack) -> None:
    """Variables and reserved concurrency."""
    properties = {"Environment": {"Variables": {"COLOUR": "red"}}, "ReservedConcurrentExecutions": 3}
    stack.deploy(with_function(returning(1), properties))
    functions, name = stack.client("lambda"), stack.outputs["Function"]
    assert functions.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 3
    assert stack.deploy(with_function(returning(1))) == "UPDATE_COMPLETE"
    assert stack.invoke() == [1, None]
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName=name)


def test_a_function_has_what_localstack_leaves_out_of_its_creation_or_is_refused(stack: Stack) -> None:
    """The size of its storage is shown; a file system is refused as the API refuses it."""
    functions = stack.client("lambda")
    for size in (1024, 2048):
        stack.deploy(with_function(returning(1), {"EphemeralStorage": {"Size": size}}))
        shown = functions.get_function_configuration(FunctionName=stack.outputs["Function"])
        assert shown["EphemeralStorage"] == {"Size": size}
    mounted = {"FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:::x", "LocalMountPath": "/mnt/x"}]}
    assert stack.deploy(with_function(returning(1), mounted)) == "UPDATE_ROLLBACK_COMPLETE"
    assert "nothing is mounted" in stack.reason("Function")


def test_a_function_that_could_not_be_completed_is_deleted_with_its_stack(stack: Stack) -> None:
    """More is reserved for it than the account has; the function was there already."""
    template = with_function(returning(1), {"FunctionName": stack.name, "ReservedConcurrentExecutions": 99999})
    assert stack.deploy(template) == "ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="Function not found"):
        stack.client("lambda").get_function(FunctionName=stack.name)


def test_types_without_an_update_of_localstack_are_changed_all_the_same(stack: Stack) -> None:
    """A rule, a log group, a secret, a function's URL; each keeps its name."""

    def template(number: int) -> dict[str, Any]:
        rule = {"ScheduleExpression": f"rate({number} hours)", "Targets": [{"Id": "it", "Arn": ARN}]}
        url = {"TargetFunctionArn": ARN, "AuthType": "NONE", "Cors": {"AllowOrigins": [f"https://{number}.example"]}}
        return with_function(
            returning(1),
            Rule={"Type": "AWS::Events::Rule", "Properties": rule},
            Log={"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": number}},
            Secret={"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": f"secret {number}"}},
            Url={"Type": "AWS::Lambda::Url", "Properties": url},
        )

    stack.deploy(template(3))
    before = stack.physical_ids()
    [created] = stack.client("logs").describe_log_groups(logGroupNamePrefix=before["Log"])["logGroups"]
    assert created["retentionInDays"] == 3
    assert stack.deploy(template(5)) == "UPDATE_COMPLETE"
    names = stack.physical_ids()
    assert names == before
    assert stack.client("events").describe_rule(Name=names["Rule"])["ScheduleExpression"] == "rate(5 hours)"
    assert stack.client("secretsmanager").get_secret_value(SecretId=names["Secret"])["SecretString"] == "secret 5"
    [group] = stack.client("logs").describe_log_groups(logGroupNamePrefix=names["Log"])["logGroups"]
    assert group["retentionInDays"] == 5
    url = stack.client("lambda").get_function_url_config(FunctionName=names["Function"])
    assert url["Cors"] == {"AllowOrigins": ["https://5.example"]}


def test_a_change_that_localstack_cannot_make_fails_and_names_it(stack: Stack) -> None:
    """LocalStack reports success and changes nothing."""
    key = {"Type": "AWS::KMS::Key", "Properties": {"Description": "first"}}
    changed = {"Type": "AWS::KMS::Key", "Properties": {"Description": "second"}}
    stack.deploy({"Resources": {"Key": key}})
    assert stack.deploy({"Resources": {"Key": changed}}) == "UPDATE_ROLLBACK_COMPLETE"
    assert "Key (AWS::KMS::Key): LocalStack cannot change Description" in stack.reason("Key")
    assert "another logical id" in stack.reason("Key")


def test_a_resource_whose_condition_no_longer_holds_is_deleted(stack: Stack) -> None:
    """And made again when it does."""
    template = {
        "Parameters": {"On": {"Type": "String"}},
        "Conditions": {"IsOn": {"Fn::Equals": [{"Ref": "On"}, "yes"]}},
        "Resources": {
            "Always": {"Type": "AWS::SNS::Topic"},
            "Sometimes": {"Type": "AWS::SQS::Queue", "Condition": "IsOn", "Properties": {"QueueName": stack.name}},
        },
    }
    queues = stack.client("sqs")
    for on, there in (("yes", True), ("no", False), ("yes", True)):
        stack.deploy(template, On=on)
        assert ("QueueUrls" in queues.list_queues(QueueNamePrefix=stack.name)) is there


@pytest.mark.parametrize("fails", [False, True])
def test_a_nested_stack_is_updated_with_its_parent_and_rolled_back_with_it(stack: Stack, *, fails: bool) -> None:
    """Its outputs are the new ones, or its failure is the parent's, with the reason."""
    bucket = f"{stack.name}-templates"
    s3 = stack.client("s3")
    s3.create_bucket(Bucket=bucket)

    def template(visibility: int, **more: dict[str, Any]) -> dict[str, Any]:
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": visibility}}
        inner = {"Resources": {"Queue": queue, **more}, "Outputs": {"Seconds": {"Value": f"{visibility}"}}}
        s3.put_object(Bucket=bucket, Key=f"{visibility}.json", Body=json.dumps(inner))
        url = f"{stack.instance.localstack_url}/{bucket}/{visibility}.json"
        nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
        outputs = {"Seconds": {"Value": {"Fn::GetAtt": ["Nested", "Outputs.Seconds"]}}}
        return {"Resources": {"Nested": nested}, "Outputs": outputs}

    assert stack.deploy(template(30)) == "CREATE_COMPLETE"
    if fails:
        assert stack.deploy(template(40, Bad=failing("Queue"))) == "UPDATE_ROLLBACK_COMPLETE"
        assert "Bad: " in stack.reason("Nested")
    else:
        assert stack.deploy(template(40)) == "UPDATE_COMPLETE"
    seconds = "30" if fails else "40"
    assert stack.outputs["Seconds"] == seconds
    [queue] = stack.client("sqs").list_queues(QueueNamePrefix=stack.name)["QueueUrls"]
    found = stack.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])
    assert found["Attributes"]["VisibilityTimeout"] == seconds


def test_what_a_new_template_no_longer_has_is_taken_from_a_mapping_of_a_queue(stack: Stack) -> None:
    """It goes back to the queue's default, and nothing is sent that only streams know; tags follow the template too."""

    def template(**properties: object) -> dict[str, Any]:
        described = {"FunctionName": NAME, "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, **properties}
        mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": described}
        return with_function(returning(1), Queue={"Type": "AWS::SQS::Queue"}, Mapping=mapping)

    first = template(
        BatchSize=50,
        Enabled=False,
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]},
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumBatchingWindowInSeconds=5,
        Tags=[{"Key": "team", "Value": "blue"}],
    )
    assert stack.deploy(first) == "CREATE_COMPLETE"
    assert stack.deploy(template()) == "UPDATE_COMPLETE"
    functions = stack.client("lambda")
    mapping = functions.get_event_source_mapping(UUID=stack.physical_ids()["Mapping"])
    assert mapping["BatchSize"] == 10
    assert mapping["MaximumBatchingWindowInSeconds"] == 0
    assert not mapping.get("FilterCriteria")
    assert mapping["FunctionResponseTypes"] == []
    assert mapping["State"] not in {"Disabled", "Disabling"}
    assert "MaximumRetryAttempts" not in mapping
    assert functions.list_tags(Resource=mapping["EventSourceMappingArn"])["Tags"] == {}
