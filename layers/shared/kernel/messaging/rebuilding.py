"""The rebuild of a projection: a consumer's tables are made again of its topic, beside the live ones, and swapped.

1. *Build*: the consumer's own effect is applied to the shadow (`kernel.messaging.shadow`) for every record of the topic,
   from its first one, which its archive may have. A chunk's effects and its positions are one transaction, so a killed rebuild resumes without a gap.
2. *Compare* the shadow with the live tables.
3. *Swap*: the domain's consumers wait for a moment. The shadow catches up, must have applied all that the live consumer
   has, and takes the place of the live tables, all in one transaction.

The live consumer goes on meanwhile. What only the shadow has applied counts as applied after the swap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from kernel import domains
from kernel.errors import ConflictError, FieldProblem, NotFoundError, refuse_fields
from kernel.messaging import comparison, shadow
from kernel.messaging.archived_log import ArchivedLog
from kernel.messaging.consumer import Consumer
from kernel.messaging.shadow import Shadow
from kernel.messaging.shadow_application import Application
from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Operation, operation
from kernel.operations.operation import Run as Invocation
from kernel.operations.progress import Progress
from kernel.storage import database

# The comparison or the swap of large tables is one part.
PART_SECONDS = 300
# For the expected duration: half of what was measured on a machine that did nothing else.
USUAL_PER_SECOND = 5_000


class RebuildProjection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rebuild the domain's projection beside the live one, compare the two, and swap them.

    *action*: `status` and `compare` change nothing that is live; `build`, `swap` and `discard` return their plan first.
    *execute*: do it; without this, only the plan is returned.
    *expect*: how many the plan counted; nothing is done if it counts otherwise by now.
    *until*: count the records before this time for the plan of `build`; later ones are applied as well.
    """

    action: Literal["status", "build", "compare", "swap", "discard"]
    execute: bool = False
    expect: Annotated[int, Meta(ge=0)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None


class At(Struct, frozen=True):
    """Where the next part begins. All that matters is in the shadow."""

    started: datetime


type Parts = Iterator[Progress[At]]


def handler[E](module: str, consumer: Consumer[E]) -> Operation[RebuildProjection, At]:
    """Make the operation that rebuilds the projection of *consumer*.

    *module*: its `__name__`, which tells the domain.

    Raises TypeError for a consumer that declares no projection.
    """
    job = Rebuild(domains.of(module), consumer)

    @operation(RebuildProjection, cursor=At, part_seconds=PART_SECONDS, module=module)
    def rebuild_projection(command: RebuildProjection, run: Invocation[At]) -> Parts:
        _refuse_unused(command)
        with TopicLog() as log:
            yield from job.parts(command, run, log)

    return rebuild_projection


def _refuse_unused(command: RebuildProjection) -> None:
    """Raise InvalidError for options without an effect."""
    problems = []
    if command.action in {"status", "compare"}:
        names = [name for name in ("execute", "expect") if getattr(command, name)]
        problems += [FieldProblem(name, f"is of no use: `{command.action}` changes nothing") for name in names]
    if command.expect is not None and not command.execute and not problems:
        problems.append(
            FieldProblem("expect", "is the plan's count, and the plan alone needs none: give --execute too")
        )
    if command.until is not None and command.action != "build":
        problems.append(FieldProblem("until", "is for the plan of `build` alone"))
    refuse_fields(problems)


@dataclass(frozen=True, slots=True)
class Rebuild[E]:
    """The rebuild of one consumer's projection."""

    domain: str
    consumer: Consumer[E]

    def __post_init__(self) -> None:
        if not self.consumer.projection:
            raise TypeError("The consumer declares no projection: its tables do not follow from its events alone.")

    @property
    def topic(self) -> str:
        return self.application.topic

    @property
    def application(self) -> Application[E]:
        return Application(self.domain, self.consumer)

    def parts(self, command: RebuildProjection, run: Invocation[At], log: TopicLog) -> Parts:
        match command.action:
            case "status":
                found = self.application.find()
                yield Progress(1, 1, result={"rebuild": found and self._told(found, log)})
            case "build":
                yield from self._build(command, run, log)
            case "compare":
                yield from self._catch_up(log)
                yield Progress(1, 1, result=comparison.told(self._compare()))
            case "swap":
                yield from self._swap(command, log)
            case "discard":
                yield from self._discard(command)

    def _build(self, command: RebuildProjection, run: Invocation[At], log: TopicLog) -> Parts:
        found = self.application.find()
        if run.cursor is None:
            plan = self._plan(command, found, log)
            if not command.execute:
                yield Progress(0, 0, result=plan)
                return
            _require(command, plan["count"])
            if found is None:
                self._create()
        elif found is None:
            raise ConflictError("The rebuild was discarded, or swapped, meanwhile.")
        yield from self._catch_up(log)
        yield Progress(1, 1, result=self._told(self.application.require(), log))

    def _plan(self, command: RebuildProjection, found: Shadow | None, log: TopicLog) -> dict[str, Any]:
        """Count the records to read. Raises ConflictError if neither the topic nor its archive has the next one."""
        until = command.until or datetime.now(UTC)
        positions = found.positions if found else {}
        for number, offsets in log.ranges(self.topic).items():
            if positions.get(number, 0) < offsets.start:
                with ArchivedLog() as archive:
                    next(archive.read(self.topic, number, positions.get(number, 0), offsets.start), None)
        ends = log.offset_at(self.topic, round(until.timestamp() * 1000))
        count = sum(max(0, end - positions.get(number, 0)) for number, end in ends.items())
        return {
            "count": count,
            "topic": self.topic,
            "tables": list(self.consumer.projection),
            "goes_on": found is not None,
            "until": until.isoformat(),
            "expected_seconds": round(count / USUAL_PER_SECOND, 1),
        }

    def _create(self) -> None:
        with database.transaction(self.domain, "owner") as owner:
            shadow.create(owner, f"{self.domain}_app", self.application.scope, self.consumer.projection)

    def _swap(self, command: RebuildProjection, log: TopicLog) -> Parts:
        yield from self._catch_up(log)
        found = self._compare()
        if not command.execute:
            yield Progress(0, 0, result=comparison.told(found))
            return
        _require(command, found.differences)
        with database.transaction(self.domain, "owner") as owner:
            shadow.stop_consumers(owner)
            for _ in self.application.passes(log):
                pass
            last = self.application.require()
            only_live, only_rebuilt = shadow.count_applied_by_one(owner, last.scope)
            if only_live:
                message = (
                    f"The live consumer has applied {only_live} events that the rebuild has not, so they would be lost. "
                    "Nothing was swapped. Discard the rebuild, and build it again."
                )
                raise ConflictError(message)
            shadow.swap(owner, last)
        swapped = {"state": "swapped", "tables": last.tables, "events": last.counts, "applied_ahead": only_rebuilt}
        yield Progress(1, 1, result=swapped)

    def _discard(self, command: RebuildProjection) -> Parts:
        with database.transaction(self.domain, "owner") as owner:
            found = shadow.find(owner, lock=True)
            if found is None:
                raise NotFoundError(shadow.NONE)
            count = found.counts.get("applied", 0)
            _require(command, count)
            if command.execute:
                shadow.drop(owner)
        result = {"count": count, "tables": found.tables} | ({"state": "discarded"} if command.execute else {})
        yield Progress(int(command.execute), 1, result=result)

    def _compare(self) -> comparison.Comparison:
        found = self.application.require()
        with database.transaction(self.domain, "owner") as owner:
            return comparison.compare(owner, found)

    def _catch_up(self, log: TopicLog) -> Parts:
        """Apply what the topic has, until hardly anything is new. Yields after each chunk."""
        started = self.application.require().started_at
        for done, total in self.application.passes(log):
            yield Progress(done, total, At(started))

    def _told(self, found: Shadow, log: TopicLog) -> dict[str, Any]:
        ends = {number: offsets.stop for number, offsets in log.ranges(self.topic).items()}
        return {
            "state": "built",
            "tables": found.tables,
            "started_at": found.started_at,
            "events": {name: count for name, count in found.counts.items() if count},
            "unread": sum(max(0, end - found.positions.get(number, 0)) for number, end in ends.items()),
        }


def _require(command: RebuildProjection, count: int) -> None:
    if command.execute and command.expect not in {None, count}:
        message = f"The plan counts {count} now, not {command.expect}. Nothing was done. Look at the plan again."
        raise ConflictError(message)
