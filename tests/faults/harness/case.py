"""A case: one way in which a part fails while clients work, and what has to hold afterwards."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from http import HTTPStatus
from uuid import uuid4

from tests.faults.harness import recovery
from tests.faults.harness.checker import check, repeats
from tests.faults.harness.history import Command, History, Verdict
from tests.faults.harness.rig import DEFAULT, Rig, Setup
from tests.faults.harness.schedule import Fault, Schedule, plan
from tests.faults.harness.workload import Workload
from tests.kit.servers import wait_until

# The trigger's pauses in the suite: seconds instead of half a minute. With --all they are AWS's.
OK = HTTPStatus.OK
QUICK_RETRIES = (0.05, 0.5)


class Extent(StrEnum):
    QUICK = "quick"
    ALL = "all"
    FULL = "full"


@dataclass(frozen=True)
class Size:
    """How many commands clients send, and how many faults happen meanwhile."""

    commands: int
    faults: int = 1


@dataclass
class Run:
    """One run of a case. Faults and checks of cases add what they see.

    *others*: events that came to the topic or the outbox by another way than a client's command.
    *poison*: the places of records that can never be applied. *unpublishable*: rows of the outbox that never can be
    published.
    *figures*: what was measured besides, for the report.
    *broken*, *healed*: when faults began and ended, in seconds since 1970.
    """

    rig: Rig
    seed: int
    size: Size
    extent: Extent
    workload: Workload
    others: list[Command] = field(default_factory=list)
    poison: set[tuple[int, int]] = field(default_factory=set)
    unpublishable: int = 0
    figures: dict[str, str] = field(default_factory=dict)
    broken: list[float] = field(default_factory=list)
    healed: list[float] = field(default_factory=list)
    history: History = field(default_factory=History)

    @property
    def outage(self) -> tuple[float, float]:
        """Return when the first fault began and when the last one was healed."""
        return self.broken[0], max(self.healed, default=self.broken[-1])

    def recovery(self) -> float:
        """Return the longest recovery, in seconds.

        A fault that nobody heals counts from its beginning. Without any fault it is the time after the last command.
        """
        query = "SELECT event_id::text, extract(epoch FROM applied_at)::float8 FROM effects"
        applied: dict[str, float] = dict(self.rig.rows(query))
        acknowledged = {each.command: each.began + each.seconds for each in self.workload.attempts if each.status == OK}
        return recovery.longest(applied, acknowledged, self.healed or self.broken or [self.workload.ended])

    def expect_dead(self, places: set[tuple[int, int]], ids: set[str]) -> None:
        """Take events out of the history whose dead letters are right: they have one, and so no effect."""
        self.poison |= places
        commands = tuple(each for each in self.history.commands if each.id not in ids)
        self.history = replace(self.history, commands=commands, poison=frozenset(self.poison))

    def delays(self) -> dict[str, list[float]]:
        """Return how many seconds after its acknowledgement each event was applied, by key."""
        query = "SELECT event_id::text, account, extract(epoch FROM applied_at)::float8 FROM effects"
        acknowledged = {each.command: each.began + each.seconds for each in self.workload.attempts}
        found: dict[str, list[float]] = defaultdict(list)
        for id_, account, applied in self.rig.rows(query):
            if id_ in acknowledged:
                found[account].append(applied - acknowledged[id_])
        return found

    def longest_delay(self) -> float:
        return max(seconds for several in self.delays().values() for seconds in several)


type Faults = Callable[[Run], Sequence[Fault]]


@dataclass(frozen=True)
class Case:
    """*row*, *words*: of the matrix. *sizes*: by extent. None where the case takes too long for the suite.

    *verify*: what the row demands beyond the promise; it fails by an assertion, and may note figures.
    *bound*: seconds from the last healing within which everything is drained.
    *needs_root*: why it cannot run without.
    """

    row: int
    words: str
    faults: Faults
    quick: Size | None
    all: Size
    full: Size
    setup: Setup = DEFAULT
    verify: Callable[[Run], None] = lambda _run: None
    hot: float = 0.0
    bound: float = 90.0
    needs_root: str | None = None

    @property
    def name(self) -> str:
        return f"{self.row} {self.words}"

    @property
    def is_repeated(self) -> bool:
        """Return whether sizes differ in the number of faults, which happen one after the other."""
        return len({size.faults for size in (self.quick, self.all, self.full) if size}) > 1

    def size(self, extent: Extent) -> Size | None:
        return {Extent.QUICK: self.quick, Extent.ALL: self.all, Extent.FULL: self.full}[extent]

    def set_up(self, extent: Extent) -> Setup:
        return replace(self.setup, retry_seconds=QUICK_RETRIES) if extent is Extent.QUICK else self.setup


@dataclass(frozen=True)
class Result:
    """What came out of a run, as the report shows it. *complaint*: why the row's own demands are not met."""

    events: int
    verdict: Verdict
    repeats: int
    recovery: float
    figures: dict[str, str]
    complaint: AssertionError | None

    def require_row(self) -> None:
        """Raise what the row demands beyond the promise and did not get."""
        if self.complaint:
            raise self.complaint


def run(case: Case, rig: Rig, extent: Extent, seed: int) -> Result:
    """Let clients work, break and heal, let it drain, read everything, and check it."""
    size = case.size(extent)
    assert size is not None, f"{case.name} has no size {extent}"
    work = Workload(seed, uuid4().hex[:8], size.commands, hot=case.hot)
    current = Run(rig, seed, size, extent, work)
    rig.begin()
    faults = [_noted(current, fault) for fault in case.faults(current)]
    with Schedule(plan(seed, size.commands, faults)) as schedule:
        work.run(rig.commands, schedule)
    wait_until(rig.is_drained, seconds=case.bound, what="everything to be published and read")
    current.history = replace(
        rig.history([*work.sent, *current.others]),
        poison=frozenset(current.poison),
        unpublishable=current.unpublishable,
    )
    complaint = None
    try:
        case.verify(current)
    except AssertionError as error:
        complaint = error
    events = len(current.history.commands) + len(current.history.poison)
    found = check(current.history)
    return Result(events, found, repeats(current.history), current.recovery(), current.figures, complaint)


def _noted(current: Run, fault: Fault) -> Fault:
    """Note when *fault* happens and when it is healed."""

    def inject() -> None:
        current.broken.append(time.time())
        fault.inject()

    def heal() -> None:
        assert fault.heal is not None
        fault.heal()
        current.healed.append(time.time())

    return Fault(inject, heal if fault.heal else None, fault.lasts)
