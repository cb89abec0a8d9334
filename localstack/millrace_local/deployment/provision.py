"""What the application needs and `template.yaml` does not create: topics, cluster, secrets, the artefacts' bucket."""

import json
from dataclasses import dataclass
from typing import Any

from kernel.web import keys
from millrace_local import files
from millrace_local.deployment import aws, databases, topics
from millrace_local.instance import STAGE, Instance
from millrace_local.servers import stripe_account

BUCKET = "millrace-artefacts"
CLUSTER = "millrace"
EMAIL_SENDER = "hello@millrace.example"  # the default of the parameter EmailSender
SECRET_PREFIX = f"millrace/{STAGE}/database/"


@dataclass(frozen=True)
class Foundation:
    """The values that `template.yaml` takes as parameters."""

    kafka_cluster_arn: str


def servers(instance: Instance) -> None:
    """Create the databases, tables and topics that are missing: what Postgres and Kafka keep. Idempotent."""
    databases.migrate(instance)
    topics.create(instance)


def localstack(instance: Instance) -> Foundation:
    """Create the bucket, secrets, cluster and sender that are missing: what LocalStack forgets at a restart. Idempotent."""
    _create_bucket(aws.client(instance, "s3"))
    _store_secrets(instance, aws.client(instance, "secretsmanager"))
    aws.client(instance, "ses").verify_email_identity(EmailAddress=EMAIL_SENDER)
    return Foundation(kafka_cluster_arn=cluster_arn(instance))


def cluster_arn(instance: Instance) -> str:
    """Return the ARN of the local Kafka as an MSK cluster. Creates the cluster if this run of LocalStack has none."""
    kafka = aws.client(instance, "kafka")
    found = kafka.list_clusters_v2(ClusterNameFilter=CLUSTER)["ClusterInfoList"]
    if found:
        return str(found[0]["ClusterArn"])
    brokers = {"InstanceType": "kafka.t3.small", "ClientSubnets": ["subnet-local"]}
    provisioned = {"BrokerNodeGroupInfo": brokers, "KafkaVersion": "3.9.x", "NumberOfBrokerNodes": 1}
    return str(kafka.create_cluster_v2(ClusterName=CLUSTER, Provisioned=provisioned)["ClusterArn"])


def _create_bucket(s3: Any) -> None:  # noqa: ANN401 - a boto3 client
    if BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=BUCKET)


def _store_secrets(instance: Instance, secrets_manager: Any) -> None:  # noqa: ANN401 - a boto3 client
    pages = secrets_manager.get_paginator("list_secrets").paginate()
    stored = {secret["Name"] for page in pages for secret in page["SecretList"]}
    signing_keys = _signing_keys(instance)
    secrets: dict[str, object] = {
        f"millrace/{STAGE}/signing-keys": signing_keys,
        f"millrace/{STAGE}/public-keys": keys.public(signing_keys),
        f"millrace/{STAGE}/stripe": stripe_account.current(instance).secret(),
        **{SECRET_PREFIX + role: credentials for role, credentials in databases.credentials(instance).items()},
    }
    for name, value in secrets.items():
        if name not in stored:
            secrets_manager.create_secret(Name=name, SecretString=json.dumps(value))


def _signing_keys(instance: Instance) -> keys.KeySet:
    """Return the keys that sign access tokens. They are kept beside the data, so that sessions survive a restart."""
    path = instance.home / "data" / "signing-keys.json"
    if not path.exists():
        files.write(path, json.dumps(keys.new_signing_keys()))
    kept: keys.KeySet = json.loads(path.read_text())
    return kept
