from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from millrace_plugin.kafka_trigger import backoff
from millrace_plugin.kafka_trigger.partition import Partition, Polled
from millrace_plugin.kafka_trigger.policy import Outcome, Step, next_step
from tests.local_cloud.kafka_trigger.fake_function import RAISED
from tests.local_cloud.kafka_trigger.records import SETTINGS, filled, polled, records


def sent(*offsets: int) -> Partition:
    partition = filled(0, records(*offsets))
    partition.take(len(offsets))
    return partition


def fail(partition: Partition, *offsets: int, now: float = 0) -> None:
    partition.advance(next_step(partition.pieces[0], Outcome(RAISED, offsets), SETTINGS), now)


def succeed(partition: Partition, now: float = 0) -> None:
    fail(partition, now=now)


def test_c5_success_moves_the_position_behind_the_last_record() -> None:
    """What is committed is the next offset, gaps of compaction and transactions included."""
    partition = sent(3, 4, 9)
    succeed(partition)
    assert (partition.position, partition.unsettled()) == (10, 0)


def test_r10_a_partial_failure_keeps_only_the_failed_records_and_commits_up_to_the_first() -> None:
    """The others are settled and not sent again; the position waits for the lowest failed offset (C6)."""
    partition = sent(1, 2, 3, 4)
    fail(partition, 2, 4)
    assert [record.offset for record in partition.pieces[0].records] == [2, 4]
    assert partition.position == 2


def test_r10_the_position_jumps_over_what_was_settled_meanwhile() -> None:
    """Once the failed records succeed, everything of the batch is committed."""
    partition = sent(1, 2, 3, 4)
    fail(partition, 2)
    succeed(partition)
    assert partition.position == 5


def test_c7_nothing_new_is_sent_while_a_failure_is_unsettled() -> None:
    """A partition with a failed record is not idle, whatever waits behind it."""
    partition = sent(1)
    fail(partition, 1)
    partition.add(polled(records(2)), now=0)
    assert not partition.idle
    assert partition.position == 1


def test_c8_records_that_were_refused_wait_again_in_their_order() -> None:
    """A batch that the function never had is no attempt, and may be sent with what has come meanwhile."""
    partition = filled(0, records(1, 2, 3))
    size = partition.waiting_size
    partition.take(2)
    partition.requeue()
    assert [record.offset for record in partition.waiting] == [1, 2, 3]
    assert (partition.waiting_size, partition.position, partition.failures) == (size, 1, 0)


def test_c8_records_that_have_failed_before_are_kept_together_when_they_are_refused() -> None:
    """They are never merged with new ones, and their count of attempts stands."""
    partition = sent(1, 2)
    fail(partition, 1, 2)
    partition.requeue()
    assert partition.pieces[0].attempts == 1
    assert partition.due(backoff.LONGEST_SECONDS)


def test_r12_the_wait_doubles_up_to_thirty_seconds_with_jitter() -> None:
    """Between half of and the whole of min(30, 2^(n-1)) seconds, reset by success."""
    for failures in range(1, 12):
        whole = min(30, 2 ** (failures - 1))
        assert all(whole / 2 <= backoff.delay(failures) <= whole for _ in range(50))
    partition = sent(1)
    fail(partition, 1, now=100)
    assert not partition.due(100.4)
    assert partition.due(101)
    succeed(partition)
    assert partition.failures == 0


def test_b7_the_window_begins_when_the_batch_before_is_settled() -> None:
    """Records that came during an invocation wait from its end, those of an idle partition from their coming."""
    partition = sent(1)
    partition.add(polled(records(2)), now=1)
    succeed(partition, now=7)
    assert partition.window_start == 7
    partition.take(1)
    succeed(partition, now=8)
    partition.add(polled(records(3)), now=20)
    assert partition.window_start == 20


def test_b8_an_oversized_record_is_given_up_alone() -> None:
    """What waits behind it is left."""
    partition = filled(0, records(1, 2))
    partition.take_oversized()
    assert [piece.condition for piece in partition.pieces] == ["MaximumPayloadSizeExceeded"]
    assert (partition.position, len(partition.waiting)) == (1, 1)


def test_c9_the_position_passes_over_filtered_records_at_once_when_nothing_is_unsettled() -> None:
    """A poll of nothing but filtered records moves it to their end."""
    partition = Partition(0, committed=3, read_to=3)
    partition.add(Polled([], filtered=5, end=8), now=0)
    assert partition.position == 8


def test_c9_the_position_never_passes_over_an_unsettled_record() -> None:
    """Filtered records before the first one for the function are settled, those behind it wait for it."""
    partition = Partition(0, committed=2, read_to=2)
    partition.add(Polled(records(5), filtered=7, end=10), now=0)
    assert partition.position == 5
    partition.take(1)
    partition.add(Polled([], filtered=4, end=14), now=0)
    assert partition.position == 5
    succeed(partition)
    assert partition.position == 14


def test_c10_what_waits_is_given_back_and_never_counts_as_settled() -> None:
    """The position stays before the records that were not sent, once those in flight are settled."""
    partition = filled(0, records(1, 2, 3))
    partition.take(1)
    assert partition.release() == 2
    succeed(partition)
    assert partition.position == 2


def test_r13_the_pieces_are_tried_in_their_order() -> None:
    """The right half waits for the left one, and the position for both."""
    partition = sent(1, 2, 3)
    work = partition.pieces[0]
    left, right = replace(work, records=work.records[:1]), replace(work, records=work.records[1:])
    partition.advance(Step((left, right)), now=0)
    assert partition.pieces[0] == left
    succeed(partition)
    assert partition.pieces[0] == right
    assert (partition.position, partition.idle) == (2, False)


@given(st.lists(st.sets(st.integers(0, 9)), max_size=12), st.integers(1, 10))
def test_c6_the_position_never_moves_back_nor_past_an_unsettled_record(failures: list[set[int]], count: int) -> None:
    """Whatever fails in whatever order, every record below the position is settled and none is settled twice."""
    partition = sent(*range(count))
    settled: set[int] = set()
    position = -1
    for failed in failures:
        left = {record.offset for record in partition.pieces[0].records}
        again = left & failed
        fail(partition, *again)
        assert not settled & left
        settled |= left - again
        assert partition.position >= position
        position = partition.position
        assert settled >= set(range(position))
        if not again:
            break
