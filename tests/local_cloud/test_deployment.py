"""What a user sees when the template cannot be deployed."""

from pathlib import Path

import pytest

from millrace_local.deployment import aws, deploy, sam, stack
from millrace_local.deployment.provision import BUCKET, Foundation
from millrace_local.instance import Instance

BROKEN = """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
{parameters}
Resources:
  Good:
    Type: AWS::SNS::Topic
  Broken:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: there-is-no-such-function
      EventSourceArn: arn:aws:sqs:us-east-1:000000000000:there-is-no-such-queue
"""
NAMES = (
    "Stage Architecture KafkaClusterArn KafkaBootstrapServers KafkaSecurityProtocol DatabaseHost DatabasePort "
    "DatabaseSslMode DatabaseSecretPrefix RedisUrl OpenSearchUrl"
)


@pytest.fixture
def broken_template(tmp_path: Path) -> Path:
    parameters = "\n".join(f"  {name}: {{Type: String}}" for name in NAMES.split())
    template = tmp_path / "template.yaml"
    template.write_text(BROKEN.format(parameters=parameters))
    return template


@pytest.mark.parametrize("record", ["", '{"session": ', "[]", '{"session": "1", "sources": "2"}'])
def test_a_damaged_record_of_what_is_deployed_is_none(own_instance: Instance, record: str) -> None:
    """It may be cut off or of another release; then everything is deployed."""
    own_instance.run.mkdir()
    (own_instance.run / "deployed.json").write_text(record)

    assert deploy._read_deployed(own_instance) == {}


def test_a_failing_resource_is_named_with_its_reason(localstack: Instance, broken_template: Path) -> None:
    """The error has the resource's logical id and CloudFormation's reason, and no traceback."""
    aws.client(localstack, "s3").create_bucket(Bucket=BUCKET)
    foundation = Foundation(kafka_cluster_arn="arn:aws:kafka:us-east-1:000000000000:cluster/none/1")
    with pytest.raises(stack.DeploymentError) as failed:
        sam.deploy(localstack, broken_template, foundation, [])
    assert "Broken (AWS::Lambda::EventSourceMapping)" in str(failed.value)
    assert "Function does not exist" in str(failed.value)
    assert "Traceback" not in str(failed.value)

    assert stack.status(aws.client(localstack, "cloudformation")) not in stack.WHOLE
