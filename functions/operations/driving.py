"""The engine of long commands: publish batch by batch, checkpoint after each acknowledgement, and mind the brakes.

1. Read a batch of the task, as large as the rate allows at once.
2. Publish it, in its order. What Kafka has acknowledged is settled together with the checkpoint, in one transaction.
3. Look at the state: an operator may have paused or cancelled the task.
4. After the canary, wait for its effects. After each batch, count failures, and follow the live consumers.

A task that is killed between 2 and its checkpoint finds on its topics what it had published, and leaves that out. What
was still on its way to Kafka then is published twice, and consumers skip it by their inbox.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import msgspec

from kernel.errors import UnavailableError
from kernel.messaging import kafka
from kernel.messaging.topic_log import TopicLog
from kernel.operations.progress import Progress
from kernel.storage.database import Connection
from kernel.telemetry import logger
from operations import live_consumers, task_store
from operations.brakes import Brakes
from operations.consumers import Consumer
from operations.effects import Effects, Ends, Observation, ends
from operations.sending import RefusedError, Sender
from operations.task_store import State, Task

# What one part may take: reading, one publication with all its timeouts, and a look at the effects.
PART_SECONDS = 45
BATCH = 1_000
# How long a canary may wait for its consumers.
CANARY_SECONDS = 900
LOOK_SECONDS = 1.0
# How often the live consumers are looked at, and how far back: log lines come seconds late.
LIVE_SECONDS = 5.0
LIVE_WINDOW_SECONDS, USUAL_WINDOW_SECONDS = 15.0, 900.0
# How many seconds' worth of records is published at once: live events wait behind them.
SLICE_SECONDS, LIVE_SLICE_SECONDS = 1.0, 0.1


class Batch(NamedTuple):
    """Messages to publish in this order. *tokens*: one for each, by which the job settles it."""

    messages: list[kafka.Copy]
    tokens: Sequence[Any]


class Held(NamedTuple):
    """A task that this invocation alone works on, and the connection that holds it."""

    connection: Connection
    task: Task
    brakes: Brakes


class Job(Protocol):
    """One kind of long command.

    *header*: in which its records carry the task's id.
    *topics*: to which it publishes.
    *consumers*: those that its records are for.
    """

    header: str

    @property
    def topics(self) -> Sequence[str]: ...

    @property
    def consumers(self) -> Sequence[Consumer]: ...

    def read(self, connection: Connection, place: Any, most: int) -> Batch:  # noqa: ANN401 - the job's own
        """Return the next messages, *most* at most. None of them: the job is finished.

        *place*: what `settle` returned last.
        """
        ...

    def settle(self, connection: Connection, place: Any, tokens: Sequence[Any]) -> Any:  # noqa: ANN401 - the job's own
        """Keep, in the caller's transaction, that *tokens* are published. Returns the new place, of JSON's types."""
        ...


class Checkpoint(msgspec.Struct):
    """What the next invocation needs.

    *place*: the job's own.
    *seen*: failures so far.
    *ends*: of the job's topics; what the task published after them may not be in this checkpoint.
    *rate*: the present one, records a second; None for no limit.
    *usual_p99*: of the live consumers before the task, in milliseconds.
    *follow_at*: when live consumers are looked at again, as `time.time()`.
    *canary*: the ends of the topics after the canary was published; None before that, and when it has passed.
    *canary_since*: when that was, as `time.time()`.
    """

    place: Any
    seen: Observation
    ends: Ends
    rate: float | None
    usual_p99: float | None = None
    follow_at: float = 0
    canary: Ends | None = None
    canary_since: float = 0
    canary_passed: bool = False


@dataclass(slots=True)
class Drive:
    """The work of one invocation on a task."""

    job: Job
    log: TopicLog
    connection: Connection
    task: Task
    brakes: Brakes
    effects: Effects
    at: Checkpoint
    sender: Sender
    looked_at: float = 0

    def parts(self) -> Iterator[Progress[UUID]]:
        """Carry the task on until it is finished, stopped, paused or cancelled. Yields after each batch."""
        state: State = "running"
        while state == "running" and (state := self._read_state()) == "running":
            state = self._publish() if self.at.canary is None else self._wait_for_canary()
            if state == "running":
                yield Progress(self.task.done, self.task.total, self.task.id)
        yield Progress(self.task.done, self.task.total, None, self._result())

    def _read_state(self) -> State:
        found = task_store.find(self.connection, self.task.id)
        self.task = self.task._replace(state=found.state, explanation=found.explanation)
        return found.state

    def _publish(self) -> State:
        began = time.monotonic()
        most = self._most()
        batch = self.job.read(self.connection, self.at.place, most) if most else Batch([], ())
        if not batch.messages:
            return self._finish()
        try:
            count = self.sender.send(batch.messages)
        except RefusedError as refused:
            return self._end("failed", str(refused))
        if (state := self._save(batch.tokens[:count])) != "running":
            return state
        state = self._look()
        if state == "running" and self.at.rate:
            time.sleep(max(0.0, min(count / self.at.rate - (time.monotonic() - began), 2.0)))
        return state

    def _most(self) -> int:
        """Return how many records the next batch may have: what the rate allows at once, and not beyond the canary."""
        most = min(self.task.total - self.task.done, BATCH)
        if self.at.rate is not None:
            seconds = SLICE_SECONDS if self.brakes.slowdown is None else LIVE_SLICE_SECONDS
            most = min(most, max(1, int(self.at.rate * seconds)))
        return min(most, self._canary() - self.task.done) if self._canary() else most

    def _canary(self) -> int:
        """Return how many records the canary has; 0 when there is none, or it has passed."""
        return 0 if self.at.canary_passed else min(self.brakes.canary or 0, self.task.total)

    def _save(self, tokens: Sequence[Any]) -> State:
        """Settle what is acknowledged, and write the checkpoint. Returns the task's state."""
        with self.connection.transaction():
            if tokens:
                self.at.place = self.job.settle(self.connection, self.at.place, tokens)
                if not self.sender.is_ahead:
                    self.at.ends = ends(self.log, self.job.topics)
            done = self.task.done + len(tokens)
            failures = self.at.seen.failures
            checkpoint = msgspec.to_builtins(self.at)
            state, explanation = task_store.advance(self.connection, self.task.id, done, failures, checkpoint)
        self.task = self.task._replace(done=done, failures=failures, state=state, explanation=explanation)
        return state

    def _look(self) -> State:
        """Count failures and follow the live consumers, each now and then. Begins to wait after the canary."""
        now = time.monotonic()
        if self._canary() and self.task.done >= self._canary():
            self.at.canary = ends(self.log, {each.topic for each in self.job.consumers})
            self.at.canary_since = time.time()
            return self._save(())
        if (
            self.brakes.slowdown is not None
            and time.time() >= self.at.follow_at
            and (state := self._follow()) != "running"
        ):
            return state
        if self.brakes.most_failures is not None and now - self.looked_at >= LOOK_SECONDS:
            self.looked_at = now
            return self._count_failures()
        return "running"

    def _follow(self) -> State:
        """Adapt the rate to the live consumers. After a slowdown, wait until they are seen without what was before."""
        before = self.at.rate
        self.at.rate = self.brakes.next_rate(before, self._p99(LIVE_WINDOW_SECONDS), self.at.usual_p99)
        is_slower = before is not None and self.at.rate is not None and self.at.rate < before
        self.at.follow_at = time.time() + (LIVE_WINDOW_SECONDS if is_slower else LIVE_SECONDS)
        return self._save(())

    def _count_failures(self) -> State:
        self.effects.observe(self.at.seen)
        if explanation := self.brakes.explain_failures(self.task.done, self.at.seen.failures):
            self._save(())
            return self._end("stopped", explanation)
        return "running"

    def _wait_for_canary(self) -> State:
        if self.at.canary is None or self.effects.are_complete(self.at.canary):
            self.effects.observe(self.at.seen)
            self.at.canary, self.at.canary_passed = None, True
            if explanation := self.brakes.explain_canary(self.task.done, self.at.seen.failures):
                # Whoever resumes it has seen why, and goes on with the rest.
                self._save(())
                return self._end("stopped", explanation)
            return self._save(())
        if time.time() - self.at.canary_since > CANARY_SECONDS:
            return self._end("stopped", f"the canary's effects did not come within {CANARY_SECONDS} s")
        time.sleep(0.2)
        return self._save(())

    def _p99(self, seconds: float) -> float | None:
        try:
            return p99(self.job.consumers, seconds)
        except UnavailableError as error:
            logger.warning("the rate is kept, because nothing is known of live consumers", error=str(error))
            return None

    def _finish(self) -> State:
        self.effects.observe(self.at.seen)
        self._save(())
        return self._end("done", None)

    def _end(self, state: State, explanation: str | None) -> State:
        task_store.change(self.connection, self.task.id, state, explanation)
        self.task = self.task._replace(state=state, explanation=explanation)
        return state

    def _result(self) -> dict[str, Any]:
        task = self.task
        counts = {"published": task.done, "total": task.total, "failures": task.failures}
        return {"task": task.id, "state": task.state, "explanation": task.explanation, **counts}


def first_checkpoint(job: Job, log: TopicLog, task_id: UUID, brakes: Brakes, place: object) -> dict[str, Any]:
    """Return the checkpoint of a task that has published nothing."""
    effects = Effects(log, job.consumers, job.header, str(task_id))
    usual = p99(job.consumers, USUAL_WINDOW_SECONDS) if brakes.slowdown is not None else None
    found: dict[str, Any] = msgspec.to_builtins(
        Checkpoint(place, effects.begin(), ends(log, job.topics), brakes.first_rate(), usual)
    )
    return found


def drive(job: Job, log: TopicLog, held: Held) -> Iterator[Progress[UUID]]:
    """Carry the task on, from its checkpoint. Yields after each batch; the last progress has the task's state.

    *held*: the task, on its own connection (`task_store.driven`).
    """
    connection, task, brakes = held
    effects = Effects(log, job.consumers, job.header, str(task.id))
    at = msgspec.convert(task.checkpoint, Checkpoint, strict=False)
    sender = Sender.after(log, at.ends, job.header, str(task.id))
    yield from Drive(job, log, connection, task, brakes, effects, at, sender).parts()


def p99(consumers: Sequence[Consumer], seconds: float) -> float | None:
    """Return how long the consumers' batches took, of late (`live_consumers.p99`)."""
    return live_consumers.p99({each.group for each in consumers}, {each.domain for each in consumers}, seconds)
