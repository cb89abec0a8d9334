"""The operations domain's database, a Kafka as functions use it, and an archive."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from millrace_local.deployment import aws
from millrace_local.instance import Instance
from operations import archive_files, topics
from tests.kit.archives import OwnArchive
from tests.kit.domains import database_fixture

database = database_fixture("operations", redis=False, STAGE="local")


@pytest.fixture
def brokers(kafka: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Bootstrap servers of the Kafka that functions use."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    return kafka


@pytest.fixture
def archive(kafka: str, localstack: Instance, topic: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnArchive]:
    """The empty archive of *topic* alone, whose files have 100 offsets."""
    name, client = f"archive-{uuid4().hex[:12]}", aws.client(localstack, "s3")
    client.create_bucket(Bucket=name)
    for variable, value in (aws.environment(localstack) | {"ARCHIVE_BUCKET": name}).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(archive_files, "FILE_OFFSETS", 100)
    monkeypatch.setattr(topics, "names", lambda: [topic])
    yield OwnArchive(kafka, topic, name, client)
    client.close()
