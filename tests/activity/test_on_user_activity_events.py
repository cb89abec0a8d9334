"""The consumer of user-activity-events. What every consumer does is tested in tests/kernel/test_consumer.py."""

import json
from uuid import uuid4

import pytest

from activity import on_user_activity_events
from kernel.telemetry import logger
from tests.databases import Database
from tests.lambda_events import Context, batch, failures, record, user_event


@pytest.fixture(autouse=True)
def consumer_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPIC", "user-activity-events")
    monkeypatch.setenv("CONSUMER_GROUP", "user-activity-consumer-group")
    monkeypatch.setenv("DEAD_LETTER_TOPIC", "user-activity-events-dlq")


def test_keeps_what_the_event_says(activity: Database, context: Context) -> None:
    """Id, user, type and payload, whatever is in it; without a payload the column is null."""
    first, second = uuid4(), uuid4()
    payload = {"nested": {"list": [1, "ü", None]}}
    bare = {"eventId": str(second), "userId": "", "eventType": "LOGOUT", "timestamp": "2026-01-01T00:00:00"}
    delivered = batch(record(user_event(first, payload=payload)), record(json.dumps(bare).encode(), 1))

    assert on_user_activity_events.handler(delivered, context) == failures()

    rows = activity.rows("SELECT id, user_id, event_type, payload FROM events ORDER BY event_type")
    assert rows == [(first, "user123", "LOGIN", payload), (second, "", "LOGOUT", None)]


def test_text_that_postgres_cannot_keep_is_dead_lettered(activity: Database, context: Context) -> None:
    """NUL in text is one record's fault; the others of its batch are kept."""
    good = uuid4()
    delivered = batch(record(user_event(userId="a\x00b")), record(user_event(good), 1))

    assert on_user_activity_events.handler(delivered, context) == failures()

    assert activity.rows("SELECT id FROM events") == [(good,)]
    assert activity.rows("SELECT topic FROM outbox") == [("user-activity-events-dlq",)]


@pytest.mark.parametrize(
    "headers", [[], [("ce_type", b"UserEvent"), ("ce_id", str(uuid4()).encode())]], ids=["bare", "ours"]
)
@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ('{"a": [1, 1e300]}', "payload.a[1]"),
        ('{"a": [123e-50]}', "payload.a[0]"),
        ('{"a": 1e400}', "payload.a"),
        ('{"a": ' + "1" * 41 + "}", "payload.a"),
        ('{"a": 0.' + "1" * 41 + "}", "payload.a"),
        ('{"a": ' + "[" * 64 + "]" * 64 + "}", "payload.a[0]"),
        ('{"a": ' * 65 + "1" + "}" * 65, "payload.a.a"),
    ],
)
def test_a_payload_without_end_is_dead_lettered(
    payload: str, path: str, headers: list[tuple[str, bytes]], activity: Database, context: Context
) -> None:
    """As the API refuses it, with the place; the others of its batch are kept."""
    good = uuid4()
    value = user_event(payload=None).decode().replace('"payload": null', f'"payload": {payload}')
    delivered = batch(record(value.encode(), headers=headers), record(user_event(good), 1))

    assert on_user_activity_events.handler(delivered, context) == failures()

    assert activity.rows("SELECT id FROM events") == [(good,)]
    [(stored,)] = activity.rows("SELECT headers::text FROM outbox")
    assert path in dict(json.loads(stored))["dlq_error_message"]


def test_a_payload_within_the_limits_is_kept(activity: Database, context: Context) -> None:
    """64 levels and 40 digits."""
    value = user_event(payload=None).decode().replace("null", '{"a": ' + "[" * 63 + "1e39" + "]" * 63 + "}")

    assert on_user_activity_events.handler(batch(record(value.encode())), context) == failures()

    assert len(activity.rows("SELECT id FROM events")) == 1


def test_logs_each_event_at_debug_only(activity: Database, context: Context, caplog: pytest.LogCaptureFixture) -> None:
    """Counts at INFO, one line per event with its id, user and type at DEBUG, never a payload."""
    event_id = uuid4()
    on_user_activity_events.handler(batch(record(user_event())), context)
    quiet = [(line.levelname, line.getMessage()) for line in caplog.records]
    logger.setLevel("DEBUG")
    try:
        on_user_activity_events.handler(batch(record(user_event(event_id), 1)), context)
    finally:
        logger.setLevel("INFO")

    [line] = [vars(each) for each in caplog.records if each.getMessage() == "event processed"]
    assert quiet == [("INFO", "batch consumed")]
    assert (line["levelname"], line["eventId"], line["userId"]) == ("DEBUG", str(event_id), "user123")
    assert line["eventType"] == "LOGIN"
    assert vars(caplog.records[0])["applied"] == 1
    assert "example" not in str([vars(each) for each in caplog.records])
