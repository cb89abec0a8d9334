"""Records that are published by hand: checked, counted, in their order, and nothing half done without being said."""

import json
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from kernel.messaging import envelope, kafka
from kernel.messaging.log_record import LogHeader, LogRecord
from operations import list_audit, produce_events, publishing, topics
from operations.event_commands import ProduceEvents
from tests.kit import operations
from tests.kit import topics as kit
from tests.kit.lambda_events import Context

pytestmark = pytest.mark.usefixtures("operations", "brokers")

HEADERS: list[LogHeader] = [("h", b"\xff"), ("ce_type", b"made")]
ORDER = {"type": "OrderPaid", "orderId": "0193b7e0-0000-7000-8000-000000000001", "amount": 5}


@pytest.fixture
def topic(brokers: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """One of the application's topics, with two partitions. It has no contracts."""
    name = kit.create(brokers, partitions=2)
    monkeypatch.setattr(topics, "names", lambda: [name, f"{name}-dlq", "order-events"])
    return name


def lines(topic: str, count: int) -> list[str]:
    return [
        envelope.encode(LogRecord(topic, 0, number, 1, b"k%d" % (number % 3), b"%d" % number, HEADERS)).decode()
        for number in range(count)
    ]


def refused(**command: object) -> str:
    answer = produce_events.handler(command, Context(milliseconds=operations.LONGEST))
    assert answer["error"] is not None
    return json.dumps(answer["error"])


def test_without_execute_the_plan_is_all_there_is(brokers: str, topic: str) -> None:
    """It counts, and says what is not checked."""
    plan = operations.run(produce_events.handler, topic=topic, lines=lines(topic, 7))

    assert (plan["count"], plan["keys"]["different"], plan["to"]) == (7, 3, topic)
    assert f"7 of type made are not checked: {topic} has no such contract." in plan["notes"]
    assert kit.read(brokers, topic) == []


def test_lines_are_published_byte_for_byte_in_their_order(brokers: str, topic: str) -> None:
    """Each key's, also over several batches; the audit knows how many and why, and none of their content."""
    given = lines(topic, 3_000)

    result = operations.run(
        produce_events.handler,
        topic=topic,
        lines=given,
        unchecked=True,
        execute=True,
        expect=3_000,
        reason="a test",
        who="ann",
    )

    assert (result["state"], result["published"], result["failures"]) == ("done", 3_000, [])
    messages = kit.read(brokers, topic)
    for key in (b"k0", b"k1", b"k2"):
        values = [int(each.value() or b"") for each in messages if each.key() == key]
        assert values == list(range(int(key[1:]), 3_000, 3))
    assert messages[0].headers() == HEADERS
    [entry] = operations.run(list_audit.handler)
    assert (entry["command"], entry["reason"], entry["counts"]) == ("events produce", "a test", {"events": 3_000})
    assert "lines" not in str(entry["options"]) or entry["options"]["lines"] == []


def test_a_single_event_gets_the_headers_of_an_event(brokers: str, topic: str) -> None:
    """With an id of its own, unless a header is given."""
    operations.run(
        produce_events.handler,
        topic=topic,
        key="k",
        value="{}",
        type="made",
        header=["ce_source=/me", "h=a=b"],
        execute=True,
    )

    [message] = kit.read(brokers, topic)
    headers = dict(message.headers() or [])
    assert (headers["ce_type"], headers["ce_source"], headers["h"]) == (b"made", b"/me", b"a=b")
    assert headers["ce_id"] == headers["ce_correlationid"]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ({"topic": "elsewhere", "value": "1"}, "is none of the application's"),
        ({"lines": ["{"]}, "line 1"),
        ({"lines": ['{"value": {"a": 1}}']}, "Key and value must be texts or null"),
        ({"lines": ['{"value": "1"}'], "key": "k"}, "is for a single record"),
        ({}, "give lines, or a single record's value"),
        ({"value": "1", "header": ["h"]}, "has not the form name=value"),
        ({"value": "1", "type": "made", "execute": True, "expect": 2}, "The plan counts 1 now, not 2"),
        ({"topic": "order-events", "value": '{"type": "OrderPaid"}'}, "Its consumers would refuse it"),
        ({"topic": "order-events", "value": "no JSON"}, "Its consumers would refuse it"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_published(
    brokers: str, topic: str, command: dict[str, Any], told: str
) -> None:
    """With the line, and what to do instead."""
    assert told in refused(**{"topic": topic, **command})
    assert kit.read(brokers, topic) == []


def test_dead_letter_topics_are_for_consumers(topic: str) -> None:
    """The way back is a redrive."""
    assert "./millrace dead-letters redrive" in refused(topic=f"{topic}-dlq", value="1")


def test_a_record_that_keeps_its_contract_passes() -> None:
    """And its consumers are named, those that read its type alone."""
    command = ProduceEvents(topic="order-events", value=json.dumps(ORDER))
    records = publishing.records(command)

    assert publishing.check_contracts(records, "order-events") == []
    assert publishing.readers(records, "order-events") == ["catalog.on_order_events"]


def test_a_failure_ends_it_and_says_what_is_certain(topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows is not sent, and the audit has both."""
    outcomes: list[list[Exception | None]] = [[None, None], [None, KafkaTimeoutError("late"), kafka.NotSentError()]]
    monkeypatch.setattr(kafka, "publish", lambda _, **_options: outcomes.pop(0))

    result = operations.run(produce_events.handler, topic=topic, lines=lines(topic, 9), execute=True)

    assert (result["state"], result["published"], result["not_sent"]) == ("failed", 3, 4)
    assert [(each["line"], each["certain"]) for each in result["failures"]] == [(4, False), (5, True)]
    entries = operations.run(list_audit.handler)
    assert entries[0]["counts"] == {"published": 3, "failed": 2, "not_sent": 4}


def test_what_follows_a_refused_record_is_not_published(brokers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it would come before it, once the record is mended."""
    topic = kit.create(brokers, configuration={"max.message.bytes": "2000"})
    monkeypatch.setattr(topics, "names", lambda: [topic])
    values = (b"1", b"2" * 4_000, b"3")
    given = [envelope.encode(LogRecord(topic, 0, 0, 1, b"k", value, HEADERS)).decode() for value in values]

    result = operations.run(
        produce_events.handler, topic=topic, lines=given, unchecked=True, execute=True, expect=3, reason="a test"
    )

    assert [(each["line"], each["certain"]) for each in result["failures"]] == [(2, True), (3, True)]
    assert [each.value() for each in kit.read(brokers, topic)] == [b"1"]


def test_a_reason_is_required_on_aws(topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the audit."""
    monkeypatch.setenv("STAGE", "prod")

    assert "is required on AWS" in refused(topic=topic, value="1", execute=True)
