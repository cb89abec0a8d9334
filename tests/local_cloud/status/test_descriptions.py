"""What functions and mappings are described as; no server."""

from datetime import UTC, datetime

import msgspec

from millrace_plugin.kafka_trigger.offsets import PartitionOffsets
from millrace_plugin.status import descriptions
from millrace_plugin.status.structures import Function, Functions, Mapping, Partition

MAPPING = Mapping(
    function="OrdersOnUserEvents",
    topic="user-events",
    group="orders-user-events",
    state="Enabled",
    bootstrap="127.0.0.1:9092",
    function_arn="arn",
    uuid="uuid",
)


def test_a_failed_function_says_why() -> None:
    """What Lambda could not create has Lambda's reason as its problem."""
    failed = {"State": "Failed", "StateReason": "No code", "Handler": "a.b.handler", "Timeout": 3, "MemorySize": 128}
    found = descriptions.function("Failed", failed, environments=0)
    assert (found.state, found.domain, found.reason, found.problem) == ("Failed", "a", "No code", "No code")


def test_a_failed_update_is_a_reason_and_no_problem() -> None:
    """The function goes on as it was."""
    updated = {
        "State": "Active",
        "LastUpdateStatusReason": "No module",
        "LastModified": "2026-11-27T07:00:00.000+0000",
        "Handler": "a.b.handler",
        "Timeout": 3,
        "MemorySize": 128,
    }
    found = descriptions.function("Updated", updated, environments=2)
    assert (found.reason, found.problem, found.environments) == ("No module", None, 2)
    assert found.last_modified == datetime(2026, 11, 27, 7, tzinfo=UTC)


def test_a_lag_is_the_sum_of_its_partitions() -> None:
    """What is committed counts, or else what Kafka still has."""
    offsets = (PartitionOffsets(0, 10, 7, 0), PartitionOffsets(1, 10, None, 8))
    found = descriptions.with_lag(MAPPING, {("orders-user-events", "user-events"): offsets})
    assert found.lag == 5
    assert found.partitions == (
        Partition(number=0, committed=7, earliest=0, end=10, lag=3),
        Partition(number=1, committed=None, earliest=8, end=10, lag=2),
    )


def test_a_lag_that_is_unknown_has_its_reason_beside_the_last_result() -> None:
    """Both are the mapping's problem."""
    broken = msgspec.structs.replace(MAPPING, problem="PROBLEM: Connection error")
    assert descriptions.with_lag(broken, OSError("It hangs")).problem == (
        "PROBLEM: Connection error; The lag is unknown: It hangs"
    )
    missing = descriptions.with_lag(MAPPING, {})
    assert (missing.lag, missing.problem) == (None, "The lag is unknown: 127.0.0.1:9092 has no such topic")


def test_an_answer_is_decoded_as_it_was_encoded() -> None:
    """Also what is unknown."""
    moment = datetime(2026, 11, 27, tzinfo=UTC)
    known = Function(name="A", domain="a", state="Active", environments=1, last_modified=moment)
    answer = Functions(stack="CREATE_COMPLETE", functions=(known, Function(name="B", state="missing")))
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Functions) == answer
