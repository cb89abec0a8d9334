"""Files that functions read: put into the bucket of the archive, where they expire after a week."""

from botocore.exceptions import BotoCoreError, ClientError

from millrace_local.deployment.stages import Stage
from millrace_local.instance import APPLICATION
from millrace_local.problems import LocalCloudError

BUCKET = "ArchiveBucket"  # in template.yaml
FOLDER = "replays/"


def put(stage: Stage, name: str, content: bytes) -> None:
    """Upload *content* as `replays/<name>`. Raises LocalCloudError if S3 refuses, or the stack has no archive."""
    try:
        resource = stage.client("cloudformation").describe_stack_resource(
            StackName=f"{APPLICATION}-{stage.name}", LogicalResourceId=BUCKET
        )
        bucket = resource["StackResourceDetail"]["PhysicalResourceId"]
        stage.client("s3").put_object(
            Bucket=bucket, Key=f"{FOLDER}{name}", Body=content, ContentType="application/gzip"
        )
    except (BotoCoreError, ClientError) as error:
        message = f"The file cannot be uploaded: {error}"
        raise LocalCloudError(message) from error
