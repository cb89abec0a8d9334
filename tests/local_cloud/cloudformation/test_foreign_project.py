"""A user's own project, deployed with their own `sam` to this LocalStack."""

import os
import subprocess
from pathlib import Path

import pytest

from millrace_local.deployment import aws
from millrace_local.instance import Instance, environment
from tests.local_cloud.cloudformation.stacks import Stack

TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Colour: {Type: String}
Globals:
  Function: {Runtime: python3.13, Handler: app.handler, CodeUri: src/, AutoPublishAlias: live}
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      RUNTIME
      DeploymentPreference: {Type: AllAtOnce}
      Environment: {Variables: {COLOUR: !Ref Colour}}
      Events:
        Get: {Type: Api, Properties: {Path: /colour, Method: get}}
        Queue: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn}}
        Daily: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
  Queue: {Type: AWS::SQS::Queue}
Outputs:
  Function: {Value: !Ref Function}
"""
SOURCE = "import os\n\ndef handler(event, context):\n    return [NUMBER, os.environ['COLOUR']]\n"


@pytest.fixture
def sam(stack: Stack, localstack: Instance, tmp_path: Path) -> "Sam":
    aws.client(localstack, "s3").create_bucket(Bucket=stack.name)
    (tmp_path / "src").mkdir()
    return Sam(stack, tmp_path)


class Sam:
    def __init__(self, stack: Stack, project: Path) -> None:
        self._stack = stack
        self._project = project

    def deploy(self, number: int, colour: str, runtime: str = "python3.13") -> subprocess.CompletedProcess[str]:
        """Run `sam deploy` with code that returns *number* and *colour*."""
        (self._project / "src" / "app.py").write_text(SOURCE.replace("NUMBER", str(number)))
        (self._project / "template.yaml").write_text(TEMPLATE.replace("RUNTIME", f"Runtime: {runtime}"))
        variables = aws.environment(self._stack.instance) | {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "1"}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AWS_"))}
        sam = str(environment("sam") / "bin" / "sam")
        command = [sam, "deploy", "--stack-name", self._stack.name]
        options = ["--s3-bucket", self._stack.name, "--capabilities", "CAPABILITY_IAM", "--no-progressbar"]
        return subprocess.run(
            [*command, *options, "--parameter-overrides", f"Colour={colour}"],
            cwd=self._project,
            env=inherited | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


@pytest.mark.timeout(600)
def test_a_second_deployment_moves_the_alias_and_a_failed_one_can_be_mended(stack: Stack, sam: Sam) -> None:
    """Each deployment ends, the failed one with the reason; versions that were published stay."""
    assert sam.deploy(1, "red").returncode == 0
    assert stack.invoke("live") == [1, "red"]

    assert sam.deploy(2, "blue").returncode == 0
    assert stack.invoke("live") == [2, "blue"]
    assert stack.invoke("1") == [1, "red"]

    failed = sam.deploy(3, "green", runtime="python9.9")
    assert failed.returncode == 1
    assert "python9.9" in failed.stdout
    assert "UPDATE_ROLLBACK_COMPLETE" in failed.stderr
    assert stack.invoke("live") == [2, "blue"]

    assert sam.deploy(4, "white").returncode == 0
    assert stack.invoke("live") == [4, "white"]
