"""A broker that is slow, as one on a full disk or behind a bad line: stopped for most of the time."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator

STOPPED_SECONDS = 1.2
RUNNING_SECONDS = 0.04


@contextlib.contextmanager
def slowed(broker: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let *broker* run for 40 ms in every 1.24 s, which is about 4 MB/s, until the block ends."""
    ended = threading.Event()

    def slow_down() -> None:
        while not ended.is_set():
            broker.send_signal(signal.SIGSTOP)
            ended.wait(STOPPED_SECONDS)
            broker.send_signal(signal.SIGCONT)
            ended.wait(RUNNING_SECONDS)

    thread = threading.Thread(target=slow_down)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
