"""What `./millrace status` prints; no server."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from millrace_local.cli import status_tables
from millrace_local.cloud.outboxes import Outbox
from millrace_local.cloud.parts import Part
from millrace_local.cloud.status import Status
from millrace_local.cloud.topics import DeadLetters, Topic
from millrace_plugin.status.structures import Function, Mapping

LONGEST_FUNCTION = "NotificationsOnNotificationEvents"
LONGEST_GROUP = "notifications-notification-events"
LONGEST_TOPIC = "notification-events-notifications-dlq"
MODIFIED = datetime(2026, 11, 27, 7, 30, tzinfo=UTC)


def function(name: str, domain: str, state: str = "Active", reason: str | None = None) -> Function:
    return Function(
        name=name, domain=domain, state=state, environments=1, last_modified=MODIFIED, reason=reason, problem=reason
    )


def mapping(name: str, group: str, topic: str, lag: int | None) -> Mapping:
    return Mapping(
        function=name,
        topic=topic,
        group=group,
        state="Enabled",
        lag=lag,
        bootstrap="127.0.0.1:9092",
        function_arn="arn",
        uuid="uuid",
        warnings=("KMSKeyArn has no effect.",),
        problem=None if lag is not None else "The lag is unknown: it hangs",
    )


KNOWN = Status(
    parts=(
        Part(
            name="localstack",
            state="up",
            port=45660,
            address="127.0.0.1:45660",
            pid=4194304,
            memory_mb=1024,
            version="2026.3.0",
        ),
        Part(name="supervisor", state="down", problem="The supervisor is not running. " * 6),
    ),
    functions=(
        function(LONGEST_FUNCTION, "notifications"),
        function("NotificationsSend", "notifications", "Failed", "No [code]"),
        function("OrdersCreateOrder", "orders"),
    ),
    mappings=(mapping(LONGEST_FUNCTION, LONGEST_GROUP, "notification-events", 123_456_789),),
    topics=(
        Topic(name="notification-events", partitions=4, end_offsets=(12_345_678,) * 4, records=49_382_712),
        Topic(name=LONGEST_TOPIC, partitions=1, end_offsets=(3,), records=3),
        Topic(name="user-events-orders-dlq", partitions=1, end_offsets=(0,), records=0),
    ),
    outbox=(
        Outbox(domain="notifications", waiting=7, oldest_seconds=7300.0, parked=2),
        Outbox(domain="orders", waiting=0, parked=0),
    ),
    dead_letters=(DeadLetters(topic=LONGEST_TOPIC, count=3), DeadLetters(topic="user-events-orders-dlq", count=0)),
)
UNKNOWN = Status(
    parts=(Part(name="localstack", state="down", problem="It refuses connections."),),
    functions=None,
    mappings=None,
    topics=(Topic(name="user-events", problem="Kafka is down."), Topic(name="a-dlq", problem="Kafka is down.")),
    outbox=(Outbox(domain="orders", problem="Postgres is down."),),
    dead_letters=(DeadLetters(topic="a-dlq", count=None),),
)


def printed(status: Status, width: int, *, functions: bool = False) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    status_tables.show(console, status, functions=functions)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("status", [KNOWN, UNKNOWN], ids=["known", "unknown"])
def test_it_fits_100_columns(status: Status) -> None:
    """With the longest names of the application, each on one line."""
    lines = printed(status, 100, functions=True)
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("width", [40, 80, 100])
def test_names_are_unbroken_at_any_width(width: int) -> None:
    """A table is wider than a narrow terminal before it breaks or cuts a name."""
    lines = printed(KNOWN, width, functions=True)
    for name in (LONGEST_FUNCTION, LONGEST_GROUP, LONGEST_TOPIC, "notification-events", "127.0.0.1:45660"):
        assert any(name in line for line in lines), name


def test_functions_are_counted_by_domain() -> None:
    """One line for each domain, with its states, environments and outbox."""
    lines = printed(KNOWN, 100)
    assert [line.split() for line in lines if line.startswith(("notifications ", "orders "))] == [
        ["notifications", "1", "Active,", "1", "Failed", "2", "7", "2", "h", "2"],
        ["orders", "1", "Active", "1", "0", "0"],
    ]
    assert not any(line.startswith("OrdersCreateOrder") for line in lines)


def test_functions_are_listed_when_asked() -> None:
    """With state, environments, time of the last change and reason."""
    lines = printed(KNOWN, 100, functions=True)
    listed = next(line for line in lines if line.startswith("OrdersCreateOrder"))
    assert listed.split() == ["OrdersCreateOrder", "Active", "1", "2026-11-27", "07:30:00Z"]
    assert any("No [code]" in line for line in lines)


def test_what_is_unknown_is_shown_as_unknown() -> None:
    """Nothing that could not be read is shown as 0."""
    lines = printed(UNKNOWN, 100, functions=True)
    rows = [line.split() for line in lines]
    assert ["orders", *["unknown"] * 5] in rows
    assert ["user-events", *["unknown"] * 3] in rows
    assert rows.count(["unknown"]) == 3  # functions, mappings and dead letters
    assert not any("0" in row for row in rows)


def test_dead_letters_are_listed_where_there_are_any() -> None:
    """Empty topics are counted."""
    lines = printed(KNOWN, 100)
    assert "Dead letters (1 topics empty)" in lines
    assert [LONGEST_TOPIC, "3"] in [line.split() for line in lines]


def test_a_problem_that_many_have_is_printed_once() -> None:
    """Below the names that have it."""
    lines = printed(UNKNOWN, 100)
    assert lines.count("  Kafka is down.") == 1
    assert "user-events, a-dlq:" in lines


def test_only_problems_make_the_command_fail() -> None:
    """Dead letters and parked rows are shown, and are no problem of the cloud."""
    assert [name for name, _ in KNOWN.problems()] == ["supervisor", "NotificationsSend"]
