"""Limit a mapping's concurrent invocations to what its pollers allow and the function accepts (C3, C8).

A function that is throttled or not active refuses the invocations of every partition, so the back-off is the mapping's.
While some invocations run, the next one waits for the end of one of them. While none runs, one is tried after each
back-off. With each answer the limit grows by one.
"""

from dataclasses import dataclass

from millrace_plugin.kafka_trigger import backoff

INVOCATIONS_OF_A_POLLER = 5


def maximum_concurrency(partitions: int, pollers: tuple[int, int] | None) -> int:
    """Return the maximum of concurrent invocations: one per partition, and at most five per poller.

    pollers: the minimum and the maximum of provisioned mode. None means on demand.
    """
    if pollers is None:
        return partitions
    least, most = pollers
    return min(partitions, INVOCATIONS_OF_A_POLLER * min(max(partitions, least), most))


@dataclass
class ConcurrencyLimit:
    """Decide when an invocation may start. All times are seconds of one clock."""

    bound: int = 0
    """The maximum that partitions and pollers allow."""
    running: int = 0
    """Invocations in flight."""
    limit: int | None = None
    """The maximum that the function has recently accepted. None if it refuses none."""
    not_before: float = 0.0
    """When the next attempt is due, if all were refused and none runs."""
    refusals: int = 0
    """Consecutive refusals while none runs."""
    refused_since: float | None = None
    """When the first of these was refused. None if none is."""
    probes: int = 0
    """Consecutive refusals of one more than the limit."""
    next_probe: float = 0.0
    """When one more than `limit` may be tried."""

    @property
    def blocked(self) -> bool:
        """Whether the function refuses every invocation."""
        return self.refusals > 0

    def opens_at(self) -> float:
        """Return when an invocation may start, infinite if that depends on the end of another one."""
        most = self.bound if self.limit is None else min(self.limit, self.bound)
        return self.not_before if self.running < most else float("inf")

    def start(self) -> None:
        """Count an invocation that starts."""
        self.running += 1

    def abandon(self) -> None:
        """Stop counting an invocation whose partitions were revoked."""
        self.running -= 1

    def end(self, now: float, *, refused: bool) -> None:
        """Count an invocation that has ended, refused or answered, and adapt the limit."""
        self.running -= 1
        if refused:
            self._refuse(now)
        else:
            self._answer(now)

    def _answer(self, now: float) -> None:
        self.refusals, self.refused_since, self.not_before = 0, None, 0.0
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
            self.refused_since = self.refused_since or now
            self.not_before = now + backoff.delay(self.refusals)
