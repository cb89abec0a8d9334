"""Split the output of a process into log events: printed lines, and frames of the runtime client.

The runtime client frames log messages, so that one of several lines is one event ("awslambdaric",
FramedTelemetryLogSink). Frames and printed lines come in one stream, which keeps their sequence.
"""

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_SYNONYMS = {"WARNING": "WARN", "CRITICAL": "FATAL"}
_HEADER = struct.Struct(">IIQ")  # type, length, microseconds since 1970
# The type's last byte holds a level, counted from 1, above two bits for the format.
_BOUNDARY = re.compile(rb"\n|\xa5\x5a\x00[\x02\x03\x06\x07\x0a\x0b\x0e\x0f\x12\x13\x16\x17\x1a\x1b]")
_LONGEST_LINE = 256 * 1024
_LONGEST_FRAME = 16 * 1024 * 1024


@dataclass(frozen=True)
class Piece:
    """One event of the output, without its line end. *level* is None if the process did not give it."""

    text: str
    level: str | None = None


class Decoder:
    """Decode the output of one process as it arrives."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, output: bytes) -> Iterator[Piece]:
        """Add output and yield every piece that is complete."""
        self._pending += output
        start = 0
        while found := self._next(start):
            piece, start = found
            if piece.text:
                yield piece
        del self._pending[:start]

    def end_line(self) -> Iterator[Piece]:
        """Yield an unfinished line. An unfinished frame stays, because the rest of it will come."""
        if not _is_frame(_BOUNDARY.match(self._pending)):
            yield from self.end()

    def end(self) -> Iterator[Piece]:
        """Yield what is left."""
        if text := _decode(self._pending):
            yield Piece(text)
        self._pending.clear()

    def _next(self, start: int) -> tuple[Piece, int] | None:
        """Return the piece that begins at *start* and its end, or None if it is incomplete."""
        boundary = _BOUNDARY.search(self._pending, start)
        if boundary is None:
            return self._line(start, start + _LONGEST_LINE) if len(self._pending) - start >= _LONGEST_LINE else None
        if not _is_frame(boundary):
            return self._line(start, boundary.start(), boundary.end())
        if boundary.start() > start:
            return self._line(start, boundary.start())
        return self._frame(start)

    def _line(self, start: int, end: int, following: int | None = None) -> tuple[Piece, int]:
        return Piece(_decode(self._pending[start:end])), following or end

    def _frame(self, start: int) -> tuple[Piece, int] | None:
        begin = start + _HEADER.size
        if len(self._pending) < begin:
            return None
        kind, length, _ = _HEADER.unpack_from(self._pending, start)
        if length > _LONGEST_FRAME:  # bytes that look like a frame
            return self._line(start, begin)
        if len(self._pending) < begin + length:
            return None
        level = (kind & 0xFF) >> 2
        text = _decode(self._pending[begin : begin + length]).rstrip("\r\n")
        return Piece(text, LEVELS[level - 1] if level else None), begin + length


def level_of(piece: Piece) -> str:
    """Return the level of *piece* as Lambda does: INFO, unless the frame or a JSON object gives another."""
    if piece.level:
        return piece.level
    try:
        content = json.loads(piece.text) if piece.text.startswith("{") else None
    except ValueError:
        content = None
    name = str(content.get("level", "")).upper() if isinstance(content, dict) else ""
    level = _SYNONYMS.get(name, name)
    return level if level in LEVELS else "INFO"


def _is_frame(boundary: re.Match[bytes] | None) -> bool:
    return boundary is not None and boundary.group() != b"\n"


def _decode(output: bytes | bytearray) -> str:
    return output.decode(errors="replace")
