"""Concurrency, failures and reports of the dispatcher: with real threads, without Kafka and LocalStack."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Event, Lock, Thread

import pytest

from millrace_plugin.kafka_trigger.counters import Counters
from millrace_plugin.kafka_trigger.destinations.aws import DELIVERIES
from millrace_plugin.kafka_trigger.dispatcher import Dispatcher
from millrace_plugin.kafka_trigger.failure import DeliveryError, Destination, Failure
from millrace_plugin.kafka_trigger.invoker import Answer, NotInvokedError
from millrace_plugin.kafka_trigger.partition import Polled
from millrace_plugin.kafka_trigger.payload import Record
from millrace_plugin.kafka_trigger.processing_result import DESTINATION_FAILED, FUNCTION_FAILED, OK, ProcessingResult
from millrace_plugin.kafka_trigger.settings import Settings
from tests.kit.servers import wait_until
from tests.local_cloud.kafka_trigger.fake_function import RAISED, SUCCESS, Batch, FakeFunction
from tests.local_cloud.kafka_trigger.records import SETTINGS, polled

WITHOUT_WINDOW = replace(SETTINGS, window_seconds=0)


class FakeDestination:
    """A destination that fails a number of times and keeps what it gets."""

    def __init__(self, failures: int = 0, deliveries: int | None = DELIVERIES) -> None:
        self.name = "arn:aws:sqs:us-east-1:000000000000:q"
        self.deliveries = deliveries
        self.tried = 0
        self.taken: list[Failure] = []
        self._failures = failures

    def deliver(self, failure: Failure) -> None:
        self.tried += 1
        if self.tried <= self._failures:
            raise DeliveryError("the queue is down")
        self.taken.append(failure)

    def close(self) -> None: ...


class Mapping:
    """A dispatcher with a small poller: `write` adds records, and due retries are started."""

    def __init__(self, settings: Settings, function: FakeFunction, destination: Destination | None = None) -> None:
        self.counters = Counters()
        self.processing_result = ProcessingResult(lambda _: None)
        self.processing_result.set_source_problem(None)
        self.committed: dict[int, int] = {}
        self.dispatcher = Dispatcher(
            settings, function, destination, self.counters, self.processing_result, self.committed.__setitem__
        )
        self._stopping = Event()
        self._thread = Thread(target=self._poll)
        self._thread.start()

    def write(self, counts: dict[int, int], timestamp: int | None = None) -> None:
        """Poll that many records of each partition, from offset 0."""
        self.dispatcher.assign(dict.fromkeys(counts, 0))
        body, now = b'{"offset":%d}', timestamp or int(time.time() * 1000)
        self.offer(
            {number: [Record(each, now, body % each) for each in range(count)] for number, count in counts.items()}
        )

    def offer(self, records: dict[int, Sequence[Record]]) -> None:
        self.dispatcher.offer({number: polled(each) for number, each in records.items()})

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self.dispatcher.stop()

    def _poll(self) -> None:
        while not self._stopping.wait(min(self.dispatcher.start_due(), 0.01)):
            pass


class Throttle:
    """A function that runs at most *most* invocations at a time, each for *seconds*, and refuses others."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.refused = 0
        self._seconds = seconds
        self._running = 0
        self._lock = Lock()

    def __call__(self, _batch: Batch) -> Answer:
        with self._lock:
            if self._running >= self.most:
                self.refused += 1
                raise NotInvokedError("TooManyRequestsException: Rate Exceeded.")
            self._running += 1
        time.sleep(self._seconds)
        with self._lock:
            self._running -= 1
        return SUCCESS


class Crowd:
    """A function whose invocations wait until the test ends them. It counts those that wait."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self._lock = Lock()
        self._open = Event()

    def open(self) -> None:
        self._open.set()

    def __call__(self, _batch: Batch) -> Answer:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        assert self._open.wait(30), "nobody opened the gate"
        with self._lock:
            self.inside -= 1
        return SUCCESS


@pytest.fixture
def start() -> Iterator[type[Mapping]]:
    """Start mappings, which are stopped after the test."""
    started: list[Mapping] = []

    class Started(Mapping):
        def __init__(self, settings: Settings, function: FakeFunction, destination: Destination | None = None) -> None:
            super().__init__(settings, function, destination)
            started.append(self)

    yield Started
    for mapping in started:
        mapping.stop()


def balance(counters: Counters) -> int:
    """Return how many polled records are not accounted for (X1)."""
    settled = counters.FilteredOutEventCount + counters.CommittedEventCount + counters.DroppedEventCount
    return counters.PolledEventCount - settled - counters.ReturnedEventCount


@pytest.mark.parametrize(("pollers", "expected"), [(None, 12), ((1, 1), 5), ((1, 2), 10), ((3, 200), 12)])
def test_c3_pollers_bound_the_concurrent_invocations(
    pollers: tuple[int, int] | None, expected: int, start: type[Mapping]
) -> None:
    """Five for each poller, one for each partition at most, and every partition gets its turn."""
    crowd = Crowd()
    function = FakeFunction(crowd)
    mapping = start(replace(WITHOUT_WINDOW, batch_size=2, pollers=pollers), function)
    mapping.write(dict.fromkeys(range(12), 6))
    wait_until(lambda: crowd.inside == expected)
    assert len({label for batch in function.batches for label in batch}) == expected
    crowd.open()
    wait_until(lambda: mapping.committed == dict.fromkeys(range(12), 6))
    assert crowd.most == expected
    for partition in range(12):
        assert function.offsets(f"t-{partition}") == list(range(6))


def test_c8_one_invocation_at_a_time_serves_eight_partitions_without_losing_time(start: type[Mapping]) -> None:
    """The back-off is the mapping's: with reserved concurrency 1, all take little longer than one after the other."""
    throttle, batches = Throttle(most=1, seconds=0.05), 8 * 6
    function = FakeFunction(throttle)
    mapping = start(replace(WITHOUT_WINDOW, batch_size=10, maximum_retries=0), function)
    began = time.monotonic()
    mapping.write(dict.fromkeys(range(8), 60))
    wait_until(lambda: mapping.committed == dict.fromkeys(range(8), 60))
    took = time.monotonic() - began
    assert took <= batches * 0.05 * 1.3 + 0.5
    assert throttle.refused <= 8 + took + 1
    assert mapping.counters.DroppedEventCount == 0
    assert mapping.counters.InvokedEventCount == 480


def test_c8_partitions_take_turns_when_the_function_is_throttled(start: type[Mapping]) -> None:
    """None of them waits for the end of another one's backlog."""
    function = FakeFunction(Throttle(most=1, seconds=0.01))
    mapping = start(replace(WITHOUT_WINDOW, batch_size=1), function)
    mapping.write(dict.fromkeys(range(4), 12))
    wait_until(lambda: mapping.committed == dict.fromkeys(range(4), 12))
    served = [function.offsets(f"t-{partition}") for partition in range(4)]
    assert [sorted(set(offsets)) for offsets in served] == [list(range(12))] * 4
    labels = [label for batch in function.batches for label in batch]
    first_half = labels[: len(labels) // 2]
    assert min(first_half.count(f"t-{partition}") for partition in range(4)) >= 3


def test_c8_a_function_without_concurrency_is_tried_by_one_partition_at_a_time(
    start: type[Mapping], quick_retries: None
) -> None:
    """It is a problem that is shown, and nothing is lost: once it takes invocations, all partitions go on."""
    throttle = Throttle(most=0, seconds=0)
    mapping = start(replace(WITHOUT_WINDOW, batch_size=1, maximum_retries=0), FakeFunction(throttle))
    mapping.write(dict.fromkeys(range(4), 1))
    wait_until(lambda: throttle.refused >= 8)
    assert mapping.processing_result.value == FUNCTION_FAILED
    assert mapping.counters.InvokedEventCount == 0
    throttle.most = 4
    wait_until(lambda: mapping.committed == dict.fromkeys(range(4), 1))
    wait_until(lambda: mapping.processing_result.value == OK)


def test_r13_with_two_partitions_exactly_the_poison_records_are_given_up(
    start: type[Mapping], quick_retries: None
) -> None:
    """A batch of several partitions is split as well, however few retries there are; every other record is settled."""
    poison = {"t-0": {3}, "t-1": {0, 6}}
    function = FakeFunction(
        lambda batch: RAISED if any(poison[label] & set(offsets) for label, offsets in batch.items()) else SUCCESS
    )
    destination = FakeDestination()
    settings = replace(SETTINGS, window_seconds=0.2, maximum_retries=0, bisects=True, destination=destination.name)
    mapping = start(settings, function, destination)
    mapping.write({0: 8, 1: 7})
    wait_until(lambda: mapping.committed == {0: 8, 1: 7})
    given_up = {(f"t-{each.partition}", record.offset) for each in destination.taken for record in each.records}
    assert given_up == {(label, offset) for label, offsets in poison.items() for offset in offsets}
    assert mapping.counters.CommittedEventCount == 12
    assert mapping.counters.OnFailureDestinationDeliveredEventCount == 3
    assert balance(mapping.counters) == 0


def test_r15_records_too_old_go_to_the_destination_without_an_invocation(start: type[Mapping]) -> None:
    """Never invoked, so without attempts and answer (D-age); younger ones of the same poll are invoked."""
    function, destination = FakeFunction(), FakeDestination()
    settings = replace(WITHOUT_WINDOW, maximum_age_seconds=60, destination=destination.name)
    mapping = start(settings, function, destination)
    now = int(time.time() * 1000)
    mapping.dispatcher.assign({0: 0})
    mapping.offer(
        {0: [Record(each, now - age, b'{"offset":%d}' % each) for each, age in enumerate((61_000, 0, 99_000))]}
    )
    wait_until(lambda: mapping.committed == {0: 3})
    [failure] = destination.taken
    assert ([record.offset for record in failure.records], failure.condition) == ([0, 2], "RecordAgeExceeded")
    assert (failure.attempts, failure.answer) == (0, None)
    assert function.offsets("t-0") == [1]


def test_r17_after_its_deliveries_have_failed_the_records_are_dropped(
    start: type[Mapping], quick_retries: None, caplog: pytest.LogCaptureFixture
) -> None:
    """After three retries: one error for the batch, an ERROR with all its records, and the partition goes on."""
    destination = FakeDestination(failures=4)
    settings = replace(WITHOUT_WINDOW, batch_size=3, maximum_retries=0, destination=destination.name)
    mapping = start(settings, FakeFunction(lambda batch: RAISED if 0 in batch["t-0"] else SUCCESS), destination)
    mapping.write({0: 4})
    wait_until(lambda: mapping.committed == {0: 4})
    assert destination.tried == 4
    counters = mapping.counters
    assert counters.OnFailureDestinationDeliveryErrorCount == 1
    assert (counters.DroppedEventCount, counters.OnFailureDestinationDeliveredEventCount) == (3, 0)
    errors = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert any("t-0, offsets 0 to 2, are dropped: the queue is down" in each for each in errors)
    assert balance(counters) == 0


def test_r17_a_delivery_that_fails_for_a_while_is_repeated(start: type[Mapping], quick_retries: None) -> None:
    """The problem is shown until it succeeds; then nothing is lost."""
    destination = FakeDestination(failures=30, deliveries=None)
    settings = replace(WITHOUT_WINDOW, maximum_retries=0, destination=destination.name)
    mapping = start(settings, FakeFunction(lambda _: RAISED), destination)
    mapping.write({0: 1})
    wait_until(lambda: mapping.processing_result.value == DESTINATION_FAILED)
    assert mapping.committed == {}
    wait_until(lambda: mapping.committed == {0: 1})
    assert len(destination.taken) == 1
    wait_until(lambda: mapping.processing_result.value == OK)


def test_what_was_dropped_is_shown_until_the_partition_settles_something(
    start: type[Mapping], quick_retries: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Records that are nowhere are no plain OK: the result names them, and so does an ERROR."""
    mapping = start(
        replace(WITHOUT_WINDOW, batch_size=2, maximum_retries=0),
        FakeFunction(lambda batch: RAISED if 0 in batch.get("t-0", ()) else SUCCESS),
    )
    mapping.write({0: 2, 1: 2})
    wait_until(lambda: mapping.committed == {0: 2, 1: 2})
    wait_until(lambda: mapping.processing_result.value != OK)
    expected = "RetriesExhausted: 2 records of t-0, offsets 0 to 1, were dropped: there is no on-failure destination"
    assert mapping.processing_result.value == f"PROBLEM: {expected}"
    assert any("t-0, offsets 0 to 1, are dropped" in each for each in caplog.messages)
    mapping.offer({0: [Record(2, int(time.time() * 1000), b'{"offset":2}')]})
    wait_until(lambda: mapping.processing_result.value == OK)


def test_c9_filtered_records_are_committed_with_their_neighbours(start: type[Mapping]) -> None:
    """At once if nothing is unsettled before them, otherwise when that is."""
    crowd = Crowd()
    mapping = start(WITHOUT_WINDOW, FakeFunction(crowd))
    mapping.dispatcher.assign({0: 0})
    mapping.dispatcher.offer({0: Polled([], filtered=5, end=5)})
    wait_until(lambda: mapping.committed == {0: 5})
    mapping.offer({0: [Record(5, 0, b'{"offset":5}')]})
    mapping.dispatcher.offer({0: Polled([], filtered=3, end=9)})
    wait_until(lambda: crowd.inside)
    assert mapping.committed == {0: 5}
    crowd.open()
    wait_until(lambda: mapping.committed == {0: 9})
    assert (mapping.counters.FilteredOutEventCount, mapping.counters.PolledEventCount) == (8, 9)
    assert balance(mapping.counters) == 0


def test_c10_a_partition_that_is_given_back_starts_nothing_more(start: type[Mapping], quick_retries: None) -> None:
    """The other half of a batch in flight does not start either, and unsettled records count as returned."""
    crowd = Crowd()
    function = FakeFunction(lambda batch: RAISED if crowd(batch) and len(batch["t-0"]) > 1 else SUCCESS)
    mapping = start(replace(WITHOUT_WINDOW, batch_size=4, bisects=True), function)
    mapping.write({0: 6})
    wait_until(lambda: crowd.inside)
    releasing = Thread(target=mapping.dispatcher.release, args=(20,))
    releasing.start()
    wait_until(lambda: mapping.counters.ReturnedEventCount == 2)
    crowd.open()
    releasing.join()
    mapping.dispatcher.forget()
    assert len(function.batches) == 1
    assert mapping.committed == {}
    assert mapping.counters.ReturnedEventCount == 6
    assert balance(mapping.counters) == 0


def test_c10_an_invocation_of_a_partition_that_is_not_ours_any_more_holds_up_nothing(start: type[Mapping]) -> None:
    """Neither after all are forgotten, as when the topic is created again, nor when one of several is lost."""
    crowd = Crowd()
    function = FakeFunction(lambda batch: crowd(batch) if "t-0" in batch else SUCCESS)
    mapping = start(WITHOUT_WINDOW, function)
    mapping.write({0: 1})
    wait_until(lambda: crowd.inside == 1)
    mapping.dispatcher.forget()
    mapping.write({1: 1})
    wait_until(lambda: mapping.committed == {1: 1})
    mapping.dispatcher.forget()
    mapping.committed.clear()
    mapping.write({0: 1})
    mapping.write({1: 1})
    wait_until(lambda: crowd.inside == 2 and mapping.committed == {1: 1})
    mapping.dispatcher.release(timeout=0)
    mapping.dispatcher.assign({1: 1})
    mapping.offer({1: [Record(1, 0, b'{"offset":1}')]})
    wait_until(lambda: mapping.committed == {1: 2})
    crowd.open()
    wait_until(lambda: crowd.inside == 0)
    assert mapping.committed == {1: 2}
    assert balance(mapping.counters) == 0
