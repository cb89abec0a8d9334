"""The consumer of user-activity-events. What every consumer does is tested in tests/kernel/test_consumer.py."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from logging import StreamHandler
from typing import Any
from uuid import uuid4

import pytest

from activity import on_user_activity_events
from kernel.telemetry import logger
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, failures, record, user_event

type Logged = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def logged() -> Iterator[Logged]:
    """Gives the lines about events that were logged."""
    handler = logger.registered_handler
    assert isinstance(handler, StreamHandler)
    written = StringIO()
    before = handler.setStream(written)
    yield lambda: [line for line in map(json.loads, written.getvalue().splitlines()) if "eventId" in line]
    handler.setStream(before)


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


def test_logs_each_event_that_it_keeps(
    activity: Database, context: Context, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With EVENT_LOG_LEVEL=INFO: its id, its user and its type, never a payload; a repeated one is not kept again."""
    event_id, refused = uuid4(), record(user_event(userId="a\x00b"), 1)
    on_user_activity_events.handler(batch(record(user_event(event_id)), refused), context)
    assert logged() == []

    monkeypatch.setenv("EVENT_LOG_LEVEL", "INFO")
    other = uuid4()
    again = batch(record(user_event(event_id), 2), record(user_event(other, eventType="LOGOUT"), 3))
    on_user_activity_events.handler(again, context)

    [line] = logged()
    assert (line["level"], line["eventId"], line["userId"], line["eventType"]) == (
        "INFO",
        str(other),
        "user123",
        "LOGOUT",
    )
    assert "example" not in str(line)
