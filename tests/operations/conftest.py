"""The operations domain's database, and a Kafka as functions use it."""

import pytest

from tests.kit.domains import database_fixture

database = database_fixture("operations", redis=False, STAGE="local")


@pytest.fixture
def brokers(kafka: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Bootstrap servers of the Kafka that functions use."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    return kafka
