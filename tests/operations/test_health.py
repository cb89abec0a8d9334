"""GET /health and GET /health/ready."""

import json

import pytest

from operations import get_health, get_readiness
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, request


@pytest.fixture
def _dependencies(activity: Database, kafka: str, redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL_ACTIVITY", activity.url("ro"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    monkeypatch.setenv("REDIS_URL", redis)
    monkeypatch.setenv("DOMAINS", "activity")


def test_health_asks_nobody(context: Context) -> None:
    """UP, whatever the servers do."""
    response = get_health.handler(request(), context)

    assert (response["statusCode"], json.loads(response["body"])) == (200, {"status": "UP"})


@pytest.mark.usefixtures("_dependencies")
def test_ready_when_everything_answers(context: Context) -> None:
    """Each dependency is listed with its latency."""
    response = get_readiness.handler(request(), context)

    answer = json.loads(response["body"])
    assert (response["statusCode"], answer["status"]) == (200, "UP")
    assert [each["name"] for each in answer["dependencies"]] == ["postgres/activity", "kafka", "redis"]
    assert all(each["status"] == "UP" and each["latencyMs"] > 0 for each in answer["dependencies"])


@pytest.mark.usefixtures("_dependencies")
@pytest.mark.parametrize(
    ("variable", "value", "down"),
    [
        ("DATABASE_URL_ACTIVITY", "postgresql://nobody@127.0.0.1:1/activity", "postgres/activity"),
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", "kafka"),
        ("REDIS_URL", "redis://127.0.0.1:1/0", "redis"),
    ],
)
def test_not_ready_when_one_is_down(
    variable: str, value: str, down: str, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and the one that is down is told from those that are up, without any internals."""
    monkeypatch.setenv(variable, value)

    response = get_readiness.handler(request(), context)

    answer = json.loads(response["body"])
    assert (response["statusCode"], answer["status"]) == (503, "DOWN")
    assert [each["name"] for each in answer["dependencies"] if each["status"] == "DOWN"] == [down]
    assert "127.0.0.1" not in response["body"]
