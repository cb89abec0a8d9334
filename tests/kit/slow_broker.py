"""A broker that hangs, or is slow as one on a full disk or behind a bad line: stopped for most of the time."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import KafkaException

from tests.kit import topics
from tests.kit.servers import wait_until


@dataclass(frozen=True)
class StoppableBroker:
    """A Kafka with which one test at a time may do so."""

    bootstrap: str
    process: subprocess.Popen[bytes]

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the broker until the block ends: it takes connections and requests, and answers none."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def slowed(self, stopped: float, runs: float) -> Iterator[None]:
        """Stop the broker for *stopped* seconds and let it run for *runs*, in turn, until the block ends."""
        ended = threading.Event()
        self.process.send_signal(signal.SIGSTOP)

        def alternate() -> None:
            while not ended.wait(stopped):
                self.process.send_signal(signal.SIGCONT)
                ended.wait(runs)
                self.process.send_signal(signal.SIGSTOP)

        thread = threading.Thread(target=alternate)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.process.send_signal(signal.SIGCONT)

    def wait_until_recovered(self) -> None:
        """Wait until the broker creates topics: one that was stopped for long has to register again."""
        wait_until(self._creates_topics, seconds=60, what="the broker to create topics")

    def _creates_topics(self) -> bool:
        try:
            topics.create(self.bootstrap)
        except KafkaException:
            return False
        return True
