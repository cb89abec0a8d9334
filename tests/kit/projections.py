"""A topic of a test's own with events on it, and the live consumer that follows it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from confluent_kafka import Producer

from kernel.contracts.event import Event
from kernel.messaging import events
from kernel.messaging.topic_log import TopicLog
from tests.kit.lambda_events import Context, batch, record
from tests.kit.servers import wait_until

BATCH = 50


@dataclass
class Stream:
    """*positions*: how far the live consumer is."""

    bootstrap: str
    topic: str
    positions: dict[int, int] = field(default_factory=dict)

    def publish(self, *several: Event) -> None:
        """Publish the events, each under a new id, or as the bytes that they are."""
        self.send(*(events.encode(event) for event in several))

    def send(self, *several: tuple[bytes, bytes, list[tuple[str, bytes]]]) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5})
        for key, value, headers in several:
            producer.produce(self.topic, value, key, headers=headers)
        assert producer.flush(30) == 0

    def consume(self, handler: Any, most: int = 1_000_000) -> int:  # noqa: ANN401 - a consumer of any events
        """Deliver what the live consumer has not seen, *most* records at most. Returns how many it took."""
        taken = 0
        with TopicLog() as log:
            wanted = {
                number: range(self.positions.get(number, 0), offsets.stop)
                for number, offsets in log.ranges(self.topic).items()
            }
            found = list(islice(log.read_all(self.topic, wanted), most))
        for start in range(0, len(found), BATCH):
            several = found[start : start + BATCH]
            delivered = batch(
                *(
                    record(
                        each.value,
                        each.offset,
                        partition=each.partition,
                        key=each.key,
                        headers=[(name, value or b"") for name, value in each.headers],
                    )
                    | {"timestamp": each.timestamp, "topic": each.topic}
                    for each in several
                )
            )
            returned = handler(delivered, Context())["batchItemFailures"]
            failed = {(each["itemIdentifier"]["partition"], each["itemIdentifier"]["offset"]) for each in returned}
            for each in several:
                if (f"{each.topic}-{each.partition}", each.offset) in failed:
                    return taken
                self.positions[each.partition] = each.offset + 1
                taken += 1
        return taken

    @contextmanager
    def followed(self, handler: Any) -> Iterator[None]:  # noqa: ANN401 - a consumer of any events
        """Let the live consumer follow the topic until the block ends, and then until it has everything."""
        stop = threading.Event()
        problems: list[BaseException] = []

        def follow() -> None:
            try:
                while not stop.is_set():
                    self.consume(handler, most=10 * BATCH)
            except BaseException as error:
                problems.append(error)
                raise

        thread = threading.Thread(target=follow)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)
        assert problems == []
        wait_until(lambda: self.consume(handler) == 0, seconds=30, what="the live consumer has everything")
