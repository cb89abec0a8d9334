"""What is done next with records: pure rules, with functions and destinations made up by hypothesis (R10 to R17)."""

from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace_plugin.kafka_trigger.payload import Record
from millrace_plugin.kafka_trigger.policy import Delivery, Outcome, Work, examine, next_step
from millrace_plugin.kafka_trigger.settings import Settings
from tests.local_cloud.kafka_trigger.fake_function import RAISED
from tests.local_cloud.kafka_trigger.records import SETTINGS, records

HOUR = 3_600_000
Behaviour = Callable[[Collection[int]], Collection[int]]
"""Which of the offsets of an invocation fail."""


@dataclass
class Run:
    """A partition's share of a batch, driven until nothing is left of it."""

    settings: Settings
    behave: Behaviour
    invocations: list[list[int]] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    given_up: list[Work] = field(default_factory=list)
    waits: int = 0

    def drive(self, work: Work) -> "Run":
        pieces = deque([work])
        while pieces:
            piece = pieces.popleft()
            before = {record.offset for record in piece.records}
            if piece.condition:
                self.given_up.append(piece)
                step = next_step(piece, Delivery(len(piece.records)), self.settings)
            else:
                offsets = [record.offset for record in piece.records]
                self.invocations.append(offsets)
                assert len(self.invocations) < 2_000
                step = next_step(piece, Outcome(RAISED, self.behave(offsets)), self.settings)
                left = {record.offset for each in step.pieces for record in each.records}
                self.settled += sorted(before - left)
                assert step.settled == len(before - left)
            self.waits += step.waits
            pieces.extendleft(reversed(step.pieces))
        return self

    @property
    def poison(self) -> list[int]:
        return [record.offset for piece in self.given_up for record in piece.records]


def whole(*poison: int) -> Behaviour:
    """A function that fails the whole batch if one of these records is in it."""
    return lambda offsets: offsets if set(offsets) & set(poison) else ()


def named(*poison: int) -> Behaviour:
    """A function that reports just these records."""
    return lambda offsets: [offset for offset in offsets if offset in poison]


def run(count: int, behave: Behaviour, **changes: object) -> Run:
    settings = replace(SETTINGS, **changes)  # type: ignore[arg-type]  # the tests' own keywords
    return Run(settings, behave).drive(Work(records(*range(count))))


@pytest.mark.parametrize("maximum", [0, 1, 3, 10])
def test_r16_after_the_first_attempt_and_all_retries_the_records_are_given_up(maximum: int) -> None:
    """MaximumRetryAttempts does not count the initial attempt (R1)."""
    result = run(2, whole(1), maximum_retries=maximum)
    assert result.invocations == [[0, 1]] * (maximum + 1)
    [work] = result.given_up
    assert (work.condition, work.attempts, work.answer) == ("RetriesExhausted", maximum + 1, RAISED)
    assert result.waits == maximum


def test_r1_without_a_maximum_nothing_is_ever_given_up() -> None:
    """The default retries for ever."""
    work = Work(records(1))
    for attempt in range(1, 50):
        step = next_step(work, Outcome(RAISED, {1}), SETTINGS)
        [work] = step.pieces
        assert (work.attempts, work.condition, step.waits) == (attempt, None, True)


def test_r11_a_record_that_stops_failing_is_settled_and_the_others_keep_their_count() -> None:
    """Every record that is left has failed each time so far."""
    failures = iter([[0, 1, 2], [1, 2], [2], [2]])
    result = run(3, lambda _: next(failures), maximum_retries=3)
    assert result.invocations == [[0, 1, 2], [0, 1, 2], [1, 2], [2]]
    assert result.settled == [0, 1]
    assert [work.attempts for work in result.given_up] == [4]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 13])
@pytest.mark.parametrize("maximum", [0, 2])
@pytest.mark.parametrize("behaviour", [whole, named])
def test_r13_a_bisected_batch_gives_up_exactly_the_poison_record(
    count: int, maximum: int, behaviour: Callable[..., Behaviour]
) -> None:
    """The others are settled, in order; a split is no retry, so the poison record has all of its own."""
    for poison in range(count):
        result = run(count, behaviour(poison), maximum_retries=maximum, bisects=True)
        assert result.poison == [poison]
        assert sorted(result.settled) == [offset for offset in range(count) if offset != poison]
        [work] = result.given_up
        assert work.attempts - work.splits == maximum + 1


def test_r13_the_halves_are_retried_at_once_and_the_left_one_first() -> None:
    """Only a batch that cannot be halved waits for its retry (R12)."""
    result = run(4, whole(2), maximum_retries=1, bisects=True)
    assert result.invocations == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [2], [3]]
    assert result.waits == 1
    assert result.given_up[0].attempts == 4


def test_r13_a_share_that_failed_with_other_partitions_is_tried_alone_before_it_counts() -> None:
    """The batch is split by partition first: an innocent record must not be given up with another partition's."""
    settings = replace(SETTINGS, maximum_retries=0, bisects=True)
    step = next_step(Work(records(7)), Outcome(RAISED, {7}, alone=False), settings)
    [work] = step.pieces
    assert (work.condition, work.splits, step.waits) == (None, 1, False)
    [work] = next_step(work, Outcome(RAISED, {7}), settings).pieces
    assert work.condition == "RetriesExhausted"


def test_r14_only_what_was_reported_is_halved() -> None:
    """R10 stays: records that were not reported are settled."""
    result = run(6, named(1, 4), maximum_retries=0, bisects=True)
    assert result.invocations == [[0, 1, 2, 3, 4, 5], [1], [4]]
    assert result.settled == [0, 2, 3, 5]


@given(
    st.integers(1, 24),
    st.sets(st.integers(0, 23)),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from([whole, named]),
)
def test_nothing_is_lost_and_only_poison_is_given_up(
    count: int,
    poison: set[int],
    maximum: int,
    bisects: bool,  # noqa: FBT001 - given by hypothesis
    behaviour: Callable[..., Behaviour],
) -> None:
    """Each record is settled once or given up once; with bisect or a report exactly the poison is; order is kept."""
    poison &= set(range(count))
    result = run(count, behaviour(*poison), maximum_retries=maximum, bisects=bisects)
    assert sorted(result.settled + result.poison) == list(range(count))
    if bisects or behaviour is named:
        assert result.poison == sorted(poison)
    for offsets in result.invocations:
        assert offsets == sorted(offsets)
    firsts = list(dict.fromkeys(offset for offsets in result.invocations for offset in offsets))
    assert firsts == sorted(firsts)
    tried = Counter(tuple(offsets) for offsets in result.invocations)
    assert max(tried.values()) <= maximum + 1


def aged(*seconds: int) -> Sequence[Record]:
    """Records that are so many seconds old at HOUR."""
    return [Record(offset, HOUR - age * 1000, b"{}") for offset, age in enumerate(seconds)]


def test_r15_records_that_are_too_old_are_given_up_before_the_first_invocation() -> None:
    """Without attempt and answer (D-age); the others are invoked. Exactly the maximum is not too old."""
    settings = replace(SETTINGS, maximum_age_seconds=60)
    old, rest = examine(Work(aged(61, 60, 0, 3000)), settings, HOUR)
    assert ([record.offset for record in old.records], old.condition) == ([0, 3], "RecordAgeExceeded")
    assert (old.attempts, old.answer) == (0, None)
    assert ([record.offset for record in rest.records], rest.condition) == ([1, 2], None)


def test_r15_records_age_between_retries() -> None:
    """Then the destination is told of the attempts that were made."""
    settings = replace(SETTINGS, maximum_age_seconds=60)
    work = Work(aged(30))
    assert examine(work, settings, HOUR) == (work,)
    [work] = next_step(work, Outcome(RAISED, {0}), settings).pieces
    [old] = examine(work, settings, HOUR + 31_000)
    assert (old.condition, old.attempts, old.answer) == ("RecordAgeExceeded", 1, RAISED)


def test_r4_what_the_topic_has_deleted_is_not_retried() -> None:
    """It is tried once all the same, as it was read while it was there."""
    work = Work(records(1, 2, 3))
    assert examine(work, SETTINGS, HOUR, log_start=3) == (work,)
    [work] = next_step(work, Outcome(RAISED, {1, 2, 3}), SETTINGS).pieces
    assert examine(work, SETTINGS, HOUR, log_start=1) == (work,)
    gone, rest = examine(work, SETTINGS, HOUR, log_start=3)
    assert ([record.offset for record in gone.records], gone.condition) == ([1, 2], "RecordAgeExceeded")
    assert ([record.offset for record in rest.records], rest.attempts) == ([3], 1)


def test_r3_without_a_maximum_age_no_record_is_too_old() -> None:
    """Nor is one without a timestamp ever."""
    ancient = Work([Record(0, 0, b"{}")])
    assert examine(ancient, SETTINGS, HOUR) == (ancient,)
    undated = Work([Record(0, -1, b"{}")])
    assert examine(undated, replace(SETTINGS, maximum_age_seconds=60), HOUR) == (undated,)


def test_what_no_event_can_hold_is_given_up_without_an_invocation() -> None:
    """Retries would not help; its neighbours go on."""
    first, bad, last = records(0, 1, 2)
    given_up, rest = examine(Work([first, bad._replace(problem="a header"), last]), SETTINGS, HOUR)
    assert (given_up.condition, [record.offset for record in given_up.records]) == ("RecordNotRepresentable", [1])
    assert [record.offset for record in rest.records] == [0, 2]


def test_r17_a_destination_with_a_limit_of_deliveries_loses_the_records_after_it() -> None:
    """What it has taken meanwhile is not lost."""
    work = Work(records(1, 2, 3), condition="RetriesExhausted")
    step = next_step(work, Delivery(1, "down", limit=2), SETTINGS)
    assert (step.settled, step.waits, step.lost) == (1, True, ())
    [work] = step.pieces
    step = next_step(work, Delivery(0, "down", limit=2), SETTINGS)
    assert (step.pieces, step.settled) == ((), 2)
    assert [record.offset for record in step.lost] == [2, 3]


def test_r17_a_destination_without_a_limit_is_tried_for_ever() -> None:
    """Blocking is better than losing."""
    work = Work(records(1), condition="RetriesExhausted")
    for _ in range(50):
        step = next_step(work, Delivery(0, "down"), SETTINGS)
        assert (step.settled, step.waits) == (0, True)
        [work] = step.pieces
