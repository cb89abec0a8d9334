"""Collect the log events of one invocation, those of the platform and of the process, up to a maximum size."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from millrace_plugin.lambda_runtime.output import Decoder, Piece

KEPT = 512 * 1024
"""In bytes, of a log's start and of its end. What lies between is dropped, and its size logged instead."""


@dataclass(frozen=True)
class Event:
    """An event of CloudWatch Logs; *timestamp* in milliseconds since 1970."""

    message: str
    timestamp: int = field(default_factory=lambda: time.time_ns() // 1_000_000)


class Log:
    """The events since the last `take`."""

    def __init__(self, is_shown: Callable[[Piece], bool] = lambda _: True) -> None:
        """Begin an empty log.

        is_shown: decides whether an event of the process is logged.
        """
        self._is_shown = is_shown
        self._decoder = Decoder()
        self._clear()

    def write(self, output: bytes) -> None:
        """Add output of the process."""
        self._keep_shown(self._decoder.feed(output))

    def write_line(self, line: str) -> None:
        """Add an event of the platform. An unfinished line of the process comes before it."""
        self._keep_shown(self._decoder.end_line())
        self._keep(Event(f"{line}\n"))

    def end_output(self) -> None:
        """Add the rest of the output of a process that has ended."""
        self._keep_shown(self._decoder.end())

    def take(self) -> tuple[Event, ...]:
        """Return the events and begin an empty log."""
        self._keep_shown(self._decoder.end_line())
        gap = [Event(f"[{self._dropped} bytes of output are left out here]\n")] if self._dropped else []
        events = (*self._start, *gap, *self._end)
        self._clear()
        return events

    def _keep_shown(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if self._is_shown(piece):
                self._keep(Event(f"{piece.text}\n"))

    def _keep(self, event: Event) -> None:
        if self._start_size < KEPT:
            self._start.append(event)
            self._start_size += len(event.message)
            return
        self._end.append(event)
        self._end_size += len(event.message)
        while self._end_size - len(self._end[0].message) >= KEPT:
            dropped = len(self._end.popleft().message)
            self._end_size -= dropped
            self._dropped += dropped

    def _clear(self) -> None:
        self._start: list[Event] = []
        self._end: deque[Event] = deque()
        self._start_size = self._end_size = self._dropped = 0
