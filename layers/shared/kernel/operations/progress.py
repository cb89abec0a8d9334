"""What an operation yields (`Progress`), what its callers send (`Control`) and what they get (`Answer`)."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from kernel.errors import ProblemError, UnavailableError


class Progress[Place](Struct, frozen=True):
    """Tell how far an operation is, since it began: over all of its invocations.

    *total*: None if nobody knows it before the end.
    *next*: where the next part begins. None at the end.
    *result*: what was found or changed, of types that JSON has or msgspec converts.
    """

    done: int
    total: int | None = None
    next: Place | None = None
    result: Any = None


class Cursor(Struct, frozen=True, forbid_unknown_fields=True):
    """Continue *command* at *at*, a `Progress.next`, after *done* of *total*.

    It holds the command so that no other one can be continued with it.
    """

    command: dict[str, Any]
    at: Any
    done: int
    total: int | None


class Control(Struct, frozen=True):
    """Say how an operation is run. These names stand beside the command's own fields.

    *cursor*: the `next` of an earlier answer. It is sent without a command.
    *seconds*: answer at the end of the part that is under way by then. None: shortly before Lambda's deadline.
    """

    cursor: Cursor | None = None
    seconds: Annotated[float, Meta(ge=0)] | None = None


class WrongField(Struct, frozen=True):
    path: str
    message: str


class Failure(Struct, frozen=True):
    """Say why an operation stopped. *retry*: the same request may succeed later."""

    message: str
    fields: list[WrongField]
    retry: bool

    @classmethod
    def of(cls, problem: ProblemError) -> "Failure":
        fields = [WrongField(each.path, each.message) for each in problem.problems]
        return cls(str(problem), fields, isinstance(problem, UnavailableError))


class Answer(Struct, frozen=True):
    """Answer an invocation. The operation is finished if both *next* and *error* are None.

    *next*: send it as `cursor` to go on. After an error it leads to the part that failed, or is None if that is the first.
    """

    done: int = 0
    total: int | None = None
    next: Cursor | None = None
    result: Any = None
    error: Failure | None = None

    @classmethod
    def of(cls, command: Struct, progress: Progress[Any]) -> "Answer":
        at = progress.next
        done, total = progress.done, progress.total
        next_ = None if at is None else Cursor(msgspec.to_builtins(command), msgspec.to_builtins(at), done, total)
        return cls(done, total, next_, progress.result)
