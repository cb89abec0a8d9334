"""`./millrace events find`: records of the topics, or of their archive."""

import inspect
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from millrace_local.cli import options, run
from millrace_local.cli.event_commands import lines
from millrace_local.cli.operating import Target
from millrace_local.cli.output import INTERRUPTED, console, notices
from millrace_local.deployment import operations
from millrace_local.deployment.operations import Kept, Operation, OperationFailedError
from millrace_local.instance import Instance

# What `tail` gives: it is of no use to a search that ends.
OURS = ("group", "after", "source")

DOCUMENTATION = """Find records in the topics: by key, event id, correlation id, type, time, or what is in them.

All topics of events are searched, or the one of --topic, also a dead-letter topic. With --json, each record is a line in
the envelope that `events produce` and `events replay` take, byte for byte.

Exit codes: 0 done, 1 failed, 2 wrong options, 130 Ctrl-C.

Examples: ./millrace events find --id 0193… · ./millrace events find --topic order-events --newest --max 10 ·
./millrace events find --topic order-events --where '@.value.amount > 500' --json > lines.jsonl
"""


class Source(StrEnum):
    """Where records are looked for."""

    TOPIC = "topic"
    ARCHIVE = "archive"


IN = inspect.Parameter(
    "source",
    inspect.Parameter.KEYWORD_ONLY,
    default=Source.TOPIC,
    annotation=Annotated[Source, typer.Option("--in", help="Search the topics, or their archive.")],
)


def parts(target: Target, operation: Operation, payload: dict[str, Any]) -> Iterator[Any]:
    """Yield the result of each invocation, with a progress bar.

    Raises BadParameter for an option that the operation refuses.
    """
    kept = Kept.of(Instance.from_environment(), target.stage, operation)
    try:
        for answer in run.shown(operation["name"], operations.run(target.stage, operation, payload, kept)):
            yield answer["result"]
    except OperationFailedError as error:
        if error.answer["error"]["fields"]:
            raise typer.BadParameter(str(error)) from error
        raise


def _command() -> Any:  # noqa: ANN401 - a function, whose options Typer reads from its signature
    operation = operations.find("operations.find_events")
    offered = [each for each in operation["options"] if each["name"] not in OURS]

    def command(*, as_json: bool, stage: str | None, profile: str | None, **given: object) -> None:
        payload = {name: value for name, value in given.items() if value not in (None, False)}
        found = 0
        try:
            for part in parts(Target.of(stage, profile), operation, payload):
                for line in part["lines"]:
                    found += 1
                    _show(line, as_json=as_json)
        except KeyboardInterrupt:
            notices.print(f"Interrupted after {found} records.", markup=False)
            sys.exit(INTERRUPTED)
        if not as_json:
            notices.print(f"{found} records were found.", markup=False)

    parameters = [*map(options.parameter, offered), IN, options.AS_JSON, options.STAGE, options.PROFILE]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__doc__ = DOCUMENTATION
    return command


def _show(line: str, *, as_json: bool) -> None:
    if as_json:
        print(line)  # noqa: T201 - rich would wrap it
        return
    record = lines.parse(line)
    console.print(lines.one_line(record), markup=False, soft_wrap=True)
    if record["headers"]:
        console.print(f"    {lines.headers(record)}", markup=False, soft_wrap=True)


command = _command()
