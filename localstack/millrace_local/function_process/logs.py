"""One invocation's log: the platform's lines and the process's output, as AWS writes them to CloudWatch Logs.

AWS: "Understanding Lambda log formats" (plain text) and "Lambda execution environment lifecycle" (INIT_REPORT).
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from millrace_local.function_process.errors import EXITED, TIMED_OUT, Fault

KEPT = 512 * 1024
"""Bytes kept of an output's start and as many of its end; what lies between is dropped, and counted in its place."""


class Log:
    """Output since the last `take`, of bounded size."""

    def __init__(self) -> None:
        self._clear()

    def write(self, output: bytes) -> None:
        room = KEPT - len(self._start)
        if room > 0:
            self._start += output[:room]
            output = output[room:]
        if output:
            self._end.append(output)
            self._end_size += len(output)
        while self._end and self._end_size - len(self._end[0]) >= KEPT:
            dropped = len(self._end.popleft())
            self._end_size -= dropped
            self._dropped += dropped

    def write_line(self, line: str) -> None:
        """Write a line of the platform, on a line of its own also if the output before it was none."""
        last = self._end[-1] if self._end else self._start
        self.write((b"" if not last or last.endswith(b"\n") else b"\n") + line.encode() + b"\n")

    def write_lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write_line(line)

    def take(self) -> str:
        gap = f"\n[{self._dropped} bytes of output are left out here]\n".encode() if self._dropped else b""
        text = (bytes(self._start) + gap + b"".join(self._end)).decode(errors="replace")
        self._clear()
        return text

    def _clear(self) -> None:
        self._start = bytearray()
        self._end: deque[bytes] = deque()
        self._end_size = 0
        self._dropped = 0


@dataclass
class Report:
    """What the REPORT line tells; durations in seconds, memory in MB."""

    request_id: str
    memory_size: int
    duration: float = 0
    init_duration: float | None = None
    memory_used: int = 0

    def line(self, fault: Fault | None) -> str:
        billed = self.duration + (self.init_duration or 0)
        fields = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {_milliseconds(self.duration)}",
            f"Billed Duration: {math.ceil(billed * 1000)} ms",
            f"Memory Size: {self.memory_size} MB",
            f"Max Memory Used: {self.memory_used} MB",
        ]
        if self.init_duration is not None:
            fields.append(f"Init Duration: {_milliseconds(self.init_duration)}")
        return "\t".join([*fields, *_status(fault)]) + "\t"


def init_report(duration: float, fault: Fault) -> str:
    return "\t".join([f"INIT_REPORT Init Duration: {_milliseconds(duration)}", "Phase: init", *_status(fault)])


def fault_lines(request_id: str, fault: Fault) -> list[str]:
    """The platform's own words on a fault, before END; none on one that the runtime client has written about itself."""
    if fault.error_type == TIMED_OUT:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        return [f"{now}Z {request_id} {fault.message}"]
    if fault.error_type == EXITED:
        return [f"RequestId: {request_id} Error: {fault.message}", fault.error_type]
    return []


def _status(fault: Fault | None) -> list[str]:
    if fault is None:
        return []
    if fault.error_type == TIMED_OUT:
        return ["Status: timeout"]
    return ["Status: error", f"Error Type: {fault.error_type}"]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
