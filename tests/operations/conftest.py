"""The operations domain's database, a Kafka as functions use it, and an archive."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from millrace_local.deployment import aws
from millrace_local.instance import Instance
from operations import archive_files
from operations import topics as application_topics
from tests.kit import topics
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
def own_topic(brokers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Create topics of three partitions, which are all that the application has."""
    names: list[str] = []
    file = tmp_path / "topics.json"
    monkeypatch.setattr(application_topics, "FILE", file)

    def create() -> str:
        names.append(topics.create(brokers, partitions=3))
        file.write_text(json.dumps(names))
        return names[-1]

    return create


@pytest.fixture
def archive(kafka: str, localstack: Instance, topic: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnArchive]:
    """The empty archive of *topic* alone, whose files have 100 offsets."""
    name, client = f"archive-{uuid4().hex[:12]}", aws.client(localstack, "s3")
    client.create_bucket(Bucket=name)
    for variable, value in (aws.environment(localstack) | {"ARCHIVE_BUCKET": name}).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(archive_files, "FILE_OFFSETS", 100)
    monkeypatch.setattr(application_topics, "names", lambda: [topic])
    yield OwnArchive(kafka, topic, name, client)
    client.close()
