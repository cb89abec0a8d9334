"""The edge of functions without a route or a topic: a typed command → the function, part by part → `Answer`.

The edge decodes the command, begins the trace, ends before Lambda's deadline, and writes the log line and the metrics.
What goes wrong for a reason that the caller can act on (`kernel.errors`) is told in the answer. Any other exception
fails the invocation, as Lambda's metric `Errors` counts. A schedule reads no answer: for it every reason does.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, overload

import msgspec
from msgspec import Struct, structs

from kernel import telemetry, validation
from kernel.aws.lambda_context import LambdaContext
from kernel.errors import FieldProblem, InvalidError, ProblemError, UnavailableError, refuse_fields
from kernel.operations.progress import Answer, Control, Failure, Progress
from kernel.telemetry import logger

CONTROLS = frozenset(Control.__struct_fields__)
NOT_RESUMABLE = "is of no use here: this operation ends within one invocation"
ALONE = "is in the cursor already: send the cursor without a command"


@dataclass(slots=True)
class Run[Place]:
    """One invocation of an operation.

    *cursor*: where the first part begins. None: at the beginning.
    *done*, *total*: those of the progress that the cursor comes from.
    *seconds*: how long the caller waits for an answer. None: until Lambda's deadline.
    """

    context: LambdaContext
    cursor: Place | None = None
    done: int = 0
    total: int | None = None
    seconds: float | None = None
    metrics: Counter[str] = field(default_factory=Counter)
    _began: float = field(default_factory=time.monotonic)

    def count(self, **values: int) -> None:
        """Add *values* to the metrics of this invocation, which the edge publishes under the operation's name."""
        self.metrics.update(values)

    def has_time(self, seconds: float) -> bool:
        """Return whether *seconds* are left before Lambda's deadline."""
        return self.context.get_remaining_time_in_millis() > seconds * 1000

    def answer_next(self) -> None:
        """Answer with the next progress, however early: an answer can hold no more than it has."""
        self.seconds = 0

    def is_awaited(self) -> bool:
        """Return whether the caller wants an answer by now."""
        return self.seconds is not None and self.elapsed() >= self.seconds

    def elapsed(self) -> float:
        return time.monotonic() - self._began


type Function[Command: Struct, Place] = Callable[[Command, Run[Place]], Iterator[Progress[Place]]]
type Decorator[Command: Struct, Place] = Callable[[Function[Command, Place]], Operation[Command, Place]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation[Command: Struct, Place]:
    """A Lambda handler: what the operation is called, what it takes, and the function that carries it out.

    *name*: `<domain>.<module>`, as the command line calls it.
    *description*: one sentence, the first of the module's docstring.
    *place*: the type of its cursor. None: it ends within one invocation.
    *part_seconds*: what one part may take. No part begins if less is left before Lambda's deadline.
    """

    name: str
    description: str
    command: type[Command]
    place: Any
    part_seconds: float
    function: Function[Command, Place]

    @property
    def domain(self) -> str:
        return self.name.partition(".")[0]

    def __call__(self, payload: object, context: LambdaContext) -> dict[str, Any]:
        telemetry.begin(context.aws_request_id, None)
        run = Run[Place](context)
        answer, failed = Answer(), 1
        try:
            command = self._take(payload, run)
            if run.cursor is not None:
                answer = Answer.of(command, Progress(run.done, run.total, run.cursor))
            for progress in self._parts(command, run):
                answer = Answer.of(command, progress)
            failed = 0
        except ProblemError as problem:
            answer = structs.replace(answer, error=Failure.of(problem))
            if _is_scheduled(payload):
                raise
        finally:
            self._report(answer, run, failed)
        found: dict[str, Any] = msgspec.to_builtins(answer)
        return found

    def _take(self, payload: object, run: Run[Place]) -> Command:
        try:
            return self._read(payload, run)
        except InvalidError as error:
            takes = ", ".join(self.command.__struct_fields__) or "no fields"
            message = f"{error} {self.name} takes: {takes}."
            raise InvalidError(message, error.problems) from error

    def _read(self, payload: object, run: Run[Place]) -> Command:
        """Return the command in *payload*, and keep in *run* how it is to be run. A schedule's event is an empty command."""
        if not isinstance(payload, dict):
            message = "The payload must be a JSON object."
            raise InvalidError(message)
        given = {} if _is_scheduled(payload) else payload
        control = validation.convert({name: given[name] for name in given if name in CONTROLS}, Control)
        fields = {name: value for name, value in given.items() if name not in CONTROLS}
        run.seconds = control.seconds
        if control.cursor is None:
            return validation.convert(fields, self.command)
        refuse_fields(FieldProblem(name, ALONE) for name in fields)
        if self.place is None:
            refuse_fields([FieldProblem("cursor", NOT_RESUMABLE)])
        run.cursor = validation.convert(control.cursor.at, self.place, path="cursor.at")
        run.done, run.total = control.cursor.done, control.cursor.total
        return validation.convert(control.cursor.command, self.command, path="cursor.command")

    def _parts(self, command: Command, run: Run[Place]) -> Iterator[Progress[Place]]:
        """Carry out one part after the other, until the last one, the deadline, or as long as the caller waits."""
        if not run.has_time(self.part_seconds):
            message = f"Less than {self.part_seconds:g} s are left, which a part of {self.name} may take."
            raise UnavailableError(message)
        for progress in self.function(command, run):
            yield progress
            if progress.next is None:
                return
            if run.is_awaited() or not run.has_time(self.part_seconds):
                return
        message = f"{self.name} ended without a last progress, whose `next` is None."
        raise RuntimeError(message)

    def _report(self, answer: Answer, run: Run[Place], failed: int) -> None:
        duration = round(run.elapsed() * 1000, 1)
        how_far = {"done": answer.done, "total": answer.total, "finished": not failed and answer.next is None}
        told = {"operation": self.name, **how_far, "duration_ms": duration}
        if answer.error:
            logger.warning("operation stops", extra={**told, "error": answer.error.message})
        elif failed:
            logger.error("operation failed", extra=told)
        else:
            logger.info("operation", extra=told)
        telemetry.publish(self.name, **run.metrics, failed=failed, duration_ms=duration)


@overload
def operation[Command: Struct](command: type[Command], *, module: str = ...) -> Decorator[Command, None]: ...
@overload
def operation[Command: Struct, Place](
    command: type[Command], *, cursor: type[Place], part_seconds: float, module: str | None = ...
) -> Decorator[Command, Place]: ...
def operation[Command: Struct](
    command: type[Command], *, cursor: Any = None, part_seconds: float = 0, module: str | None = None
) -> Decorator[Command, Any]:
    """Make a Lambda handler of a function that carries out *command* part by part.

    *command*: a frozen msgspec structure that forbids unknown fields.
    *cursor*: the type of `Progress.next`. None: the function yields once.
    *part_seconds*: what one part may take, with every timeout in it.
    *module*: `__name__` of the module whose handler it becomes. None: the function's own.

    The function yields its progress at the end of each part, outside of any transaction. It may never be called again:
    after a kill, the last answer's cursor starts the next invocation. So a part that is repeated must do nothing twice.
    """
    config = command.__struct_config__
    if not (config.frozen and config.forbid_unknown_fields) or CONTROLS & set(command.__struct_fields__):
        message = f"{command.__name__} must be frozen, forbid unknown fields, and have none of {sorted(CONTROLS)}."
        raise TypeError(message)

    def decorate(function: Function[Command, Any]) -> Operation[Command, Any]:
        name = module or function.__module__
        return Operation(
            name=name,
            description=_description(sys.modules[name].__doc__ or ""),
            command=command,
            place=cursor,
            part_seconds=part_seconds,
            function=function,
        )

    return decorate


def _is_scheduled(payload: object) -> bool:
    """Return whether *payload* is EventBridge's event of a schedule."""
    return isinstance(payload, dict) and payload.get("detail-type") == "Scheduled Event"


def _description(documentation: str) -> str:
    """Return the first sentence after `Invoked by …: ` or `Schedule …: `, with a capital letter."""
    first_line = documentation.partition("\n")[0]
    text = (first_line.partition(": ")[2] or first_line).partition(". ")[0].rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
