from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace_local.kafka_trigger import backoff
from millrace_local.kafka_trigger.partition import Partition
from millrace_local.kafka_trigger.payload import Record
from tests.local_cloud.kafka_trigger.fake_function import RAISED


def sent(*offsets: int) -> Partition:
    partition = Partition(0)
    partition.add([Record(offset, 0, b"{}") for offset in offsets], now=0)
    partition.take(len(offsets))
    return partition


def fail(partition: Partition, offsets: Collection[int], maximum_retries: int | None = None, now: float = 0) -> int:
    return partition.fail(offsets, RAISED, maximum_retries, now)


def test_c5_success_moves_the_position_behind_the_last_record() -> None:
    """What is committed is the next offset, gaps of compaction and transactions included."""
    partition = sent(3, 4, 9)
    assert partition.settle(now=1) == 3
    assert (partition.position, partition.work) == (10, None)


def test_r10_a_partial_failure_keeps_only_the_failed_records_and_commits_up_to_the_first() -> None:
    """The others are settled and not sent again; the position waits for the lowest failed offset (C6)."""
    partition = sent(1, 2, 3, 4)
    assert fail(partition, {2, 4}) == 2
    assert partition.work is not None
    assert [record.offset for record in partition.work.records] == [2, 4]
    assert partition.position == 2


def test_r10_the_position_jumps_over_what_was_settled_meanwhile() -> None:
    """Once the failed records succeed, everything of the batch is committed."""
    partition = sent(1, 2, 3, 4)
    fail(partition, {2})
    partition.settle(now=5)
    assert partition.position == 5


def test_c7_nothing_new_is_sent_while_a_failure_is_unsettled() -> None:
    """A partition with a failed record is not idle, whatever waits behind it."""
    partition = sent(1)
    fail(partition, {1})
    partition.add([Record(2, 0, b"{}")], now=0)
    assert not partition.idle


@pytest.mark.parametrize("maximum", [0, 3])
def test_r16_after_the_first_attempt_and_all_retries_the_records_are_given_up(maximum: int) -> None:
    """MaximumRetryAttempts does not count the initial attempt (R1)."""
    partition = sent(1, 2)
    for _ in range(maximum):
        fail(partition, {1, 2}, maximum)
        assert partition.work is not None
        assert not partition.work.spent
    fail(partition, {1, 2}, maximum)
    assert partition.work is not None
    assert [record.offset for record in partition.work.spent] == [1, 2]
    assert partition.work.attempts == maximum + 1


def test_r1_without_a_maximum_nothing_is_ever_given_up() -> None:
    """The default retries for ever."""
    partition = sent(1)
    for _ in range(50):
        fail(partition, {1})
    assert partition.work is not None
    assert not partition.work.spent


def test_c8_a_throttle_is_no_attempt_but_waits() -> None:
    """The attempt count stands still while the back-off grows."""
    partition = sent(1)
    for _ in range(3):
        partition.postpone(now=100)
    assert partition.work is not None
    assert partition.work.attempts == 0
    assert not partition.due(100.0)
    assert partition.due(100 + backoff.LONGEST_SECONDS)


def test_r12_the_wait_doubles_up_to_thirty_seconds_with_jitter() -> None:
    """Between half of and the whole of min(30, 2^(n-1)) seconds, reset by success."""
    for failures in range(1, 12):
        whole = min(30, 2 ** (failures - 1))
        assert all(whole / 2 <= backoff.delay(failures) <= whole for _ in range(50))
    partition = sent(1)
    fail(partition, {1})
    partition.settle(now=1)
    assert partition.setbacks == 0


def test_b7_the_window_begins_when_the_batch_before_is_settled() -> None:
    """Records that came during an invocation wait from its end, those of an idle partition from their coming."""
    partition = sent(1)
    partition.add([Record(2, 0, b"{}")], now=1)
    partition.settle(now=7)
    assert partition.since == 7
    partition.take(1)
    partition.settle(now=8)
    partition.add([Record(3, 0, b"{}")], now=20)
    assert partition.since == 20


@given(st.lists(st.sets(st.integers(0, 9)), max_size=12), st.integers(1, 10))
def test_c6_the_position_never_moves_back_nor_past_an_unsettled_record(failures: list[set[int]], count: int) -> None:
    """Whatever fails in whatever order, every record below the position is settled and none is settled twice."""
    partition = sent(*range(count))
    settled: set[int] = set()
    position = -1
    for failed in failures:
        assert partition.work is not None
        left = {record.offset for record in partition.work.records}
        again = left & failed
        if again:
            fail(partition, again)
        else:
            partition.settle(now=0)
        assert not settled & left
        settled |= left - again
        assert partition.position >= position
        position = partition.position
        assert settled >= set(range(position))
        if not again:
            break
