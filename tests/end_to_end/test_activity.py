"""The path of one event, through HTTP, the outbox, a real broker, the mapping and back out of Postgres."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.end_to_end.history import History, lag, producer
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until


@pytest.fixture
def api(cloud: Cloud) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as client:
        yield client


def test_a_posted_event_comes_back_out_of_postgres(api: httpx.Client) -> None:
    """POST /events/generate answers 200 with an id, and that id is soon in GET /events/processed as it was sent."""
    user = f"user-{uuid4()}"
    sent = {"userId": user, "eventType": "PRODUCT_VIEW", "payload": {"product": "é", "price": 5}}
    answer = api.post("/events/generate", json=sent)
    assert answer.status_code == 200
    assert answer.json()["message"] == "Event published successfully"

    wait_until(lambda: _processed(api, user), seconds=30, what="the event to be processed")
    (row,) = _processed(api, user)
    assert row["id"] == answer.json()["eventId"]
    assert (row["event_type"], row["payload"]) == ("PRODUCT_VIEW", {"product": "é", "price": 5})
    assert list(row) == ["id", "user_id", "event_type", "payload", "created_at"]


def test_bad_input_names_each_wrong_field(api: httpx.Client) -> None:
    """A request with three faults gets one problem document that names all three, and publishes nothing."""
    answer = api.post("/events/generate", json={"eventType": "DANCE", "payload": [], "colour": "red"})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert {error["path"] for error in answer.json()["errors"]} == {"userId", "eventType", "payload", "colour"}


def test_health_tells_liveness_and_readiness(api: httpx.Client) -> None:
    """GET /health is the bare status that existing clients read; GET /health/ready names each dependency."""
    assert api.get("/health").json() == {"status": "UP"}
    ready = api.get("/health/ready")
    assert ready.status_code == 200, ready.text


def test_security_headers_are_on_every_answer(api: httpx.Client) -> None:
    """Good answers, refusals and the gateway's own errors carry the same security headers."""
    refused = [api.post("/events/generate", content=b"{"), api.get("/events/processed?limit=x")]
    answers = [api.get("/health"), *refused, api.get("/no/such/route"), api.delete("/health")]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff", answer.request.url
        assert answer.headers["cache-control"] == "no-store", answer.request.url
        assert "max-age" in answer.headers["strict-transport-security"], answer.request.url


def test_five_thousand_events_of_an_independent_client_are_applied_exactly_once(cloud: Cloud) -> None:
    """Every good event once in `events`, every malformed one once in the dead letters, offsets committed to the end."""
    bootstrap, database = cloud.instance.kafka_bootstrap, cloud.environment()["DATABASE_URL_ACTIVITY"]
    history = History()
    with producer(bootstrap) as client:
        history.produce(client, 5000)

    wait_until(lambda: lag(bootstrap) == 0, seconds=60, what="the consumer group to reach the end")
    assert sorted(history.applied(database)) == sorted(history.good)
    wait_until(lambda: len(history.dead_letters(bootstrap)) >= len(history.poison), seconds=60, what="the dead letters")
    letters = history.dead_letters(bootstrap)
    assert {coordinates: value for coordinates, value, _ in letters} == history.poison
    assert len(letters) == len(history.poison) == 50


def _processed(api: httpx.Client, user: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.get("/events/processed").json()
    return [row for row in rows if row["user_id"] == user]
