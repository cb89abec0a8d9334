"""POST /events/generate."""

import json
from uuid import UUID

import pytest

from activity import generate_event
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, request

GOOD = {"userId": "user123", "eventType": "LOGIN", "payload": {"example": "data"}}


def test_queues_the_event(activity: Database, context: Context) -> None:
    """The answer is what existing clients know; the event is in the outbox, keyed by its user."""
    response = generate_event.handler(request(GOOD, headers={"X-Request-Id": "r-1"}), context)

    answer = json.loads(response["body"])
    assert (response["statusCode"], set(answer)) == (200, {"message", "eventId"})
    assert answer["message"] == "Event published successfully"
    [(topic, key, headers, value)] = activity.rows("SELECT topic, key, headers, value FROM outbox")
    event = json.loads(value)
    assert (topic, key) == ("user-activity-events", b"user123")
    assert event == GOOD | {"eventId": answer["eventId"], "timestamp": event["timestamp"]}
    assert event["timestamp"].endswith("Z")
    assert UUID(answer["eventId"]).version == 7
    assert dict(headers)["ce_correlationid"] == "r-1"


@pytest.mark.parametrize("event_type", ["LOGIN", "LOGOUT", "PRODUCT_VIEW"])
def test_payload_is_optional(event_type: str, activity: Database, context: Context) -> None:
    """Every type goes without one; consumers then see an empty object."""
    generate_event.handler(request({"userId": "u", "eventType": event_type}), context)

    [(value,)] = activity.rows("SELECT value FROM outbox")
    assert json.loads(value)["payload"] == {}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"userId": ""}, {"userId"}),
        ({"userId": 5, "eventType": "PURCHASE", "payload": []}, {"userId", "eventType", "payload"}),
        ({"eventType": "login"}, {"eventType"}),
        ({"timestamp": "now"}, {"timestamp"}),
        ({"payload": None}, {"payload"}),
    ],
)
def test_names_each_wrong_field(
    changes: dict[str, object], wrong: set[str], activity: Database, context: Context
) -> None:
    """Bad input is refused as a whole, and nothing is queued."""
    response = generate_event.handler(request(GOOD | changes), context)

    assert response["statusCode"] == 400
    assert {each["path"] for each in json.loads(response["body"])["errors"]} == wrong
    assert activity.rows("SELECT count(*) FROM outbox") == [(0,)]


def test_says_when_the_database_is_down(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After: nothing was accepted."""
    monkeypatch.setenv("DATABASE_URL_ACTIVITY", "postgresql://nobody@127.0.0.1:1/activity")

    response = generate_event.handler(request(GOOD), context)

    assert response["statusCode"] == 503
    assert response["headers"]["Retry-After"]


def test_a_repeated_key_publishes_once(activity: Database, context: Context) -> None:
    """The same Idempotency-Key and body get the first answer again, another body 422; one event is in the outbox."""
    key = {"Idempotency-Key": "0190a3c0-7f4b-7c11-9d1e-5f0c2b7a9e01"}
    first, second = (generate_event.handler(request(GOOD, headers=key), context) for _ in range(2))
    other = generate_event.handler(request(GOOD | {"eventType": "LOGOUT"}, headers=key), context)

    assert (first["statusCode"], second["statusCode"], other["statusCode"]) == (200, 200, 422)
    assert second["body"] == first["body"]
    assert len(activity.rows("SELECT id FROM outbox")) == 1
