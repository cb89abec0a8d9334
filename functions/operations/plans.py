"""Count what a command would do, before it does anything."""

from typing import Any

import msgspec

from kernel.errors import ConflictError

# A plan names so many keys and conflicts, those with the most records first; it counts all of them.
NAMED = 10
# Beyond this many different keys they are no longer counted apart: a plan has to fit into an answer.
MOST_KEYS = 10_000


class Plan(msgspec.Struct):
    """What was counted so far, of types that a cursor can hold.

    *until*: what is later than this is not part of the plan (RFC 3339).
    *oldest*, *newest*: timestamps in milliseconds.
    *derived_ids*: of how many events nobody knows the id under which they were published.
    *notes*: what an operator should know before.
    """

    until: str
    count: int = 0
    topics: dict[str, int] = {}
    types: dict[str, int] = {}
    causes: dict[str, int] = {}
    keys: dict[str, int] = {}
    oldest: int | None = None
    newest: int | None = None
    conflicts: list[str] = []
    derived_ids: int = 0
    notes: list[str] = []

    def add(self, *, topic: str, type: str | None, key: bytes | None, timestamp: int, cause: str | None = None) -> None:  # noqa: A002 - as events call it
        """Count one record."""
        self.count += 1
        _increment(self.topics, topic)
        _increment(self.types, type or "unknown")
        if cause is not None:
            _increment(self.causes, cause)
        name = "none" if key is None else key.decode(errors="replace")
        if name in self.keys or len(self.keys) < MOST_KEYS:
            _increment(self.keys, name)
        self.oldest = timestamp if self.oldest is None else min(self.oldest, timestamp)
        self.newest = timestamp if self.newest is None else max(self.newest, timestamp)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def require(self, expected: int | None) -> None:
        """Raise ConflictError if something else was counted than *expected*; None expects nothing."""
        if expected is not None and expected != self.count:
            message = f"The plan counts {self.count} now, not {expected}. Nothing was done. Look at the plan again."
            raise ConflictError(message)

    def result(self, seconds: float, **more: object) -> dict[str, Any]:
        """Return the plan as an operator sees it. *seconds*: how long it is expected to take."""
        most = sorted(self.keys.items(), key=lambda each: (-each[1], each[0]))[:NAMED]
        return {
            "count": self.count,
            "topics": self.topics,
            "types": self.types,
            "causes": self.causes,
            "keys": {"different": len(self.keys), "most": dict(most)},
            "oldest": self.oldest,
            "newest": self.newest,
            "conflicts": {"count": len(self.conflicts), "keys": self.conflicts[:NAMED]},
            "notes": self.notes,
            "expected_seconds": seconds,
            "until": self.until,
            **more,
        }


def _increment(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
