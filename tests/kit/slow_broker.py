"""A broker that is slow, as one on a full disk or behind a bad line: stopped for most of the time."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator

STOPPED_SECONDS = 1.2
RUNNING_SECONDS = 0.04


@contextlib.contextmanager
def slowed(
    broker: subprocess.Popen[bytes], stopped: float = STOPPED_SECONDS, runs: float = RUNNING_SECONDS
) -> Iterator[None]:
    """Stop *broker* for *stopped* seconds and let it run for *runs*, in turn, until the block ends.

    By default that leaves it about 4 MB/s.
    """
    ended = threading.Event()
    broker.send_signal(signal.SIGSTOP)

    def alternate() -> None:
        while not ended.wait(stopped):
            broker.send_signal(signal.SIGCONT)
            ended.wait(runs)
            broker.send_signal(signal.SIGSTOP)

    thread = threading.Thread(target=alternate)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        broker.send_signal(signal.SIGCONT)
