"""The log line of an applied event."""

import json
from datetime import UTC, datetime
from io import StringIO
from logging import StreamHandler
from typing import Any
from uuid import UUID, uuid4

import pytest

from kernel.contracts.activity import EventType, UserEvent
from kernel.contracts.event import Event
from kernel.contracts.orders import OrderCreated
from kernel.messaging import event_log, events
from kernel.telemetry import logger
from tests.kit.lambda_events import record

ID, USER = uuid4(), uuid4()
ACTIVITY = UserEvent(
    event_id=ID, user_id="user123", event_type=EventType.LOGIN, timestamp=datetime.now(UTC), payload={"secret": 1}
)
ORDER = OrderCreated(order_id=uuid4(), amount=500, customer_id=USER)
GUESTS = OrderCreated(order_id=uuid4(), amount=500)


def written(level: str, event: Event, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is logged of *event*, in a record of a request with the id r-1."""
    handler = logger.registered_handler
    assert isinstance(handler, StreamHandler)
    monkeypatch.setattr(handler, "stream", StringIO())
    event_log.write(level, [(ID, event, events.parse(record(b"{}", headers=[("ce_correlationid", b"r-1")])))])
    return [json.loads(line) for line in handler.stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("event", "event_type", "user"),
    [(ACTIVITY, "LOGIN", "user123"), (ORDER, "OrderCreated", str(USER)), (GUESTS, "OrderCreated", None)],
    ids=["activity", "order", "guest's order"],
)
def test_says_which_event_of_whom_and_of_which_request(
    event: Event, event_type: str, user: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the contract calls its user; nothing else of the event is in the line."""
    [line] = written("INFO", event, monkeypatch)

    said = {"eventId": str(ID), "eventType": event_type, "correlation_id": "r-1", "level": "INFO"}
    assert line == said | ({"userId": user} if user else {}) | {
        name: line[name] for name in ("message", "timestamp", "service")
    }
    assert UUID(line["eventId"])


def test_is_silent_below_the_level_of_the_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """DEBUG, which it is outside of the local stage, takes LOG_LEVEL=DEBUG to be seen."""
    assert written("DEBUG", ACTIVITY, monkeypatch) == []
