from hypothesis import given
from hypothesis import strategies as st

from millrace_plugin.kafka_trigger.batcher import Batcher
from millrace_plugin.kafka_trigger.partition import Partition
from millrace_plugin.kafka_trigger.payload import MAXIMUM_EVENT_BYTES, Encoder, Envelope
from millrace_plugin.kafka_trigger.policy import Step
from tests.local_cloud.kafka_trigger import records

ENVELOPE = Envelope("t", "b:9092", None)


def filled(number: int, count: int, since: float = 0.0, size: int = 10) -> Partition:
    return records.filled(number, records.records(*range(count), size=size), since)


def due(batcher: Batcher, now: float, *partitions: Partition) -> list[tuple[int, int]]:
    return [(partition.number, count) for partition, count in batcher.due(partitions, now)]


def test_b1_a_full_partition_is_sent_at_once_and_alone() -> None:
    """A backlog is worked off partition by partition, exactly BatchSize records at a time."""
    batcher = Batcher(ENVELOPE, batch_size=10, window_seconds=300)
    assert due(batcher, 0, filled(0, 3), filled(1, 25)) == [(1, 10)]


def test_b2_a_batch_that_is_not_full_waits_for_its_window() -> None:
    """Nothing is due before the window ends, all that waits is when it does."""
    batcher = Batcher(ENVELOPE, batch_size=10, window_seconds=0.5)
    assert due(batcher, 1.49, filled(0, 3, since=1)) == []
    assert due(batcher, 1.5, filled(0, 3, since=1)) == [(0, 3)]


def test_b4_window_0_sends_what_there_is_at_once() -> None:
    """Zero is not the same as unset."""
    assert due(Batcher(ENVELOPE, batch_size=100, window_seconds=0), 1, filled(0, 1, since=1)) == [(0, 1)]


def test_c2_idle_partitions_are_merged_the_longest_waiting_first() -> None:
    """One event may hold several partitions, BatchSize counting them all."""
    batcher = Batcher(ENVELOPE, batch_size=5, window_seconds=1)
    assert due(batcher, 2, filled(0, 2, since=1.9), filled(1, 2, since=1)) == [(1, 2), (0, 2)]
    assert due(batcher, 0, filled(0, 4), filled(1, 3, since=-1)) == [(1, 3), (0, 2)]


def test_b5_what_does_not_fit_opens_the_next_batch() -> None:
    """An event of exactly the limit is sent whole; one byte more leaves the last record waiting."""
    size = ENVELOPE.base_size + ENVELOPE.partition_size(0) + 3 * 11
    for limit, expected in ((size, 3), (size - 1, 2)):
        assert due(Batcher(ENVELOPE, 100, 0, maximum_bytes=limit), 1, filled(0, 3)) == [(0, expected)]


def test_b5_six_megabytes_are_due_before_the_window_ends() -> None:
    """Reaching the payload limit is one of the three reasons to invoke."""
    batcher = Batcher(ENVELOPE, batch_size=10_000, window_seconds=300)
    assert due(batcher, 0, filled(0, 3, size=MAXIMUM_EVENT_BYTES // 2)) == [(0, 1)]
    assert (
        len(due(batcher, 0, filled(0, 1, size=MAXIMUM_EVENT_BYTES // 2), filled(1, 1, size=MAXIMUM_EVENT_BYTES // 2)))
        == 1
    )


def test_b8_a_record_that_fits_no_event_is_recognised() -> None:
    """The boundary is the event of that record alone."""
    room = MAXIMUM_EVENT_BYTES - ENVELOPE.base_size - ENVELOPE.partition_size(0)
    batcher = Batcher(ENVELOPE, 100, 0)
    assert not batcher.oversized(filled(0, 1, size=room - 1))
    assert batcher.oversized(filled(0, 1, size=room))


@given(
    st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=8), min_size=1, max_size=5),
    st.integers(1, 12),
    st.integers(150, 400),
)
def test_b5_no_batch_is_ever_too_large_and_every_record_gets_its_turn(
    values: list[list[int]], batch_size: int, limit: int
) -> None:
    """However sizes fall, batches keep both limits and send each partition's records in order, all of them."""
    partitions = [Partition(number, 0, 0) for number in range(len(values))]
    for partition, sizes in zip(partitions, values, strict=True):
        encoder = Encoder("t", partition.number)
        found = [encoder.record(offset, 0, "CREATE_TIME", None, b"", None) for offset in range(len(sizes))]
        partition.add(
            records.polled(
                record._replace(body=record.body[:1] * (size + 1)) for record, size in zip(found, sizes, strict=True)
            ),
            0,
        )
    batcher = Batcher(ENVELOPE, batch_size, 0, maximum_bytes=limit)
    sent: dict[int, list[int]] = {partition.number: [] for partition in partitions}
    while idle := [partition for partition in partitions if partition.waiting]:
        batch = batcher.due(idle, 1)
        shares = {partition.number: list(partition.take(count).records) for partition, count in batch}
        assert 0 < sum(map(len, shares.values())) <= batch_size
        assert len(ENVELOPE.event(shares)) <= limit
        for number, share in shares.items():
            sent[number] += [record.offset for record in share]
        for partition, count in batch:
            partition.advance(Step(settled=count), 1)
    assert sent == {number: list(range(len(sizes))) for number, sizes in enumerate(values)}
