"""How many invocations of a mapping run at a time: as its pollers allow, and as the function takes (C3, C8).

A function that refuses an invocation (throttled, not active, a service error) refuses those of every partition, so the
back-off is the mapping's, not a partition's: while some invocations run, the next one waits for the end of one of
them; when none runs, a single one is tried after each wait. The number grows again, one by one, with what is answered.
"""

from dataclasses import dataclass

from millrace_plugin.kafka_trigger import backoff

INVOCATIONS_OF_A_POLLER = 5


def maximum_concurrency(partitions: int, pollers: tuple[int, int] | None) -> int:
    """Return the most invocations at a time: one for each partition, and five for each of the *pollers*, if given."""
    if pollers is None:
        return partitions
    least, most = pollers
    return min(partitions, INVOCATIONS_OF_A_POLLER * min(max(partitions, least), most))


@dataclass
class ConcurrencyLimit:
    bound: int = 0
    """What partitions and pollers allow."""
    running: int = 0
    limit: int | None = None
    """What the function has lately taken; None if it refuses nothing."""
    not_before: float = 0.0
    """While nothing runs, because everything was refused: when the next try is due."""
    refusals: int = 0
    """Consecutive ones with nothing running."""
    probes: int = 0
    next_probe: float = 0.0
    """When one more than `limit` may be tried."""

    @property
    def blocked(self) -> bool:
        """The function takes nothing at all."""
        return self.refusals > 0

    def opens_at(self) -> float:
        """Return when an invocation may start; infinite if that depends on the end of another one."""
        most = self.bound if self.limit is None else min(self.limit, self.bound)
        return self.not_before if self.running < most else float("inf")

    def start(self) -> None:
        self.running += 1

    def abandon(self) -> None:
        """Count an invocation no longer, whose partitions belong to somebody else now."""
        self.running -= 1

    def end(self, now: float, *, refused: bool) -> None:
        """Note that an invocation has ended: refused, or answered, whatever the function made of the batch."""
        self.running -= 1
        if refused:
            self._refuse(now)
        else:
            self._answer(now)

    def _answer(self, now: float) -> None:
        self.refusals, self.not_before = 0, 0.0
        if self.limit is not None and now >= self.next_probe:
            self.limit += 1
            if self.limit >= self.bound:
                self.limit, self.probes = None, 0

    def _refuse(self, now: float) -> None:
        self.limit = max(1, self.running, (self.limit or 0) - 1)
        if now >= self.next_probe:
            self.probes += 1
            self.next_probe = now + backoff.delay(self.probes)
        if not self.running:
            self.refusals += 1
            self.not_before = now + backoff.delay(self.refusals)
