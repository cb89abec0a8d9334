"""Runs operations of a deployed application, invocation by invocation, and keeps where an interrupted run goes on."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

from millrace_local import files
from millrace_local.deployment.stages import Stage
from millrace_local.instance import ROOT, Instance
from millrace_local.problems import LocalCloudError

CATALOGUE = ROOT / "functions" / "operations" / "catalogue.json"
# So long may a function work until it answers: progress is seen, and little is repeated after an interruption.
SECONDS = 2


class Option(TypedDict):
    name: str
    kind: Literal["string", "integer", "number", "boolean"]
    many: bool
    choices: list[str]
    required: bool
    help: str


class Operation(TypedDict):
    """*name*: `<domain>.<operation>`. *function*: its logical id in template.yaml."""

    name: str
    function: str
    description: str
    options: list[Option]


type Answer = dict[str, Any]


class OperationFailedError(LocalCloudError):
    """The operation stopped, and told why. *answer*: the last one."""

    def __init__(self, name: str, answer: Answer) -> None:
        error = answer["error"]
        fields = [f"\n  {field['path']}: {field['message']}" for field in error["fields"]]
        later = "\nIt may succeed later." if error["retry"] else ""
        super().__init__(f"{name}: {error['message']}{''.join(fields)}{later}")
        self.answer = answer


def catalogue() -> list[Operation]:
    """Return the operations of this checkout, as `./millrace openapi` wrote them from the code."""
    found: list[Operation] = json.loads(CATALOGUE.read_text())
    return found


def find(name: str) -> Operation:
    return next(each for each in catalogue() if each["name"] == name)


@dataclass(frozen=True)
class Kept:
    """Where an interrupted run goes on: a file of one operation on one stage."""

    path: Path

    @classmethod
    def of(cls, instance: Instance, stage: Stage, operation: Operation) -> "Kept":
        return cls(instance.data("operations") / f"{stage.key}.{operation['name']}.json")

    def read(self) -> Any | None:  # noqa: ANN401 - a cursor, which the function understands
        """Return the cursor, or None if no run was interrupted."""
        return json.loads(self.path.read_text()) if self.path.exists() else None

    def write(self, cursor: object) -> None:
        """Keep *cursor*; None forgets the one that there is."""
        if cursor is None:
            self.path.unlink(missing_ok=True)
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            files.write(self.path, json.dumps(cursor))


def run(stage: Stage, operation: Operation, payload: dict[str, Any], kept: Kept) -> Iterator[Answer]:
    """Invoke *operation* until it is finished. Yields each answer, after its cursor was kept.

    Raises OperationFailedError if it stops with an error, and FunctionFailedError if an invocation fails.
    """
    function, asked = stage.function(operation["function"]), payload
    while True:
        answer = function.invoke({**asked, "seconds": SECONDS})
        if not isinstance(answer, dict) or "next" not in answer:
            message = f"{operation['name']} gave another answer than operations of this checkout do. Deploy it first."
            raise LocalCloudError(message)
        kept.write(answer["next"])
        if answer["error"]:
            raise OperationFailedError(operation["name"], answer)
        yield answer
        if answer["next"] is None:
            return
        asked = {"cursor": answer["next"]}
