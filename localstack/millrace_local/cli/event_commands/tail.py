"""`./millrace events tail`: the records of a topic as they come."""

import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import typer

from millrace_local.cli.event_commands import find, lines
from millrace_local.cli.operating import Target
from millrace_local.cli.output import INTERRUPTED, console, notices
from millrace_local.deployment import operations

POLL_SECONDS = 0.5


def command(  # noqa: PLR0913 - the options
    topic: Annotated[str, typer.Argument(help="The topic, also one of dead letters.")],
    *,
    since: Annotated[str | None, typer.Option(help="Begin at this time, and not at the end of the topic.")] = None,
    key: Annotated[str | None, typer.Option(help="Only with this key.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only events of this type, e.g. OrderCreated.")] = None,
    correlation: Annotated[str | None, typer.Option(help="Only events with this correlation id.")] = None,
    where: Annotated[
        str | None, typer.Option(help="Only where this JSONPath holds, e.g. @.value.amount > 500.")
    ] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, help="End after so many records.")] = None,
    seconds: Annotated[float | None, typer.Option("--for", min=0, help="End after so many seconds.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each record as a line in the envelope.")] = False,
    stage: Annotated[str | None, typer.Option(help="The deployed stage; another than local is on AWS.")] = None,
    profile: Annotated[str | None, typer.Option(help="The profile of AWS's configuration to use.")] = None,
) -> None:
    """Follow a topic: print each record as it comes, one line each, until Ctrl-C, --max or --for.

    A function is asked twice a second, and no consumer group is used: nobody's position changes.

    Exit codes: 0 --max or --for has ended it, 1 failed, 2 wrong options, 130 Ctrl-C.

    Examples: ./millrace events tail order-events · ./millrace events tail order-events --type OrderPaid --for 60 --json
    """
    chosen = {"topic": topic, "key": key, "type": type_, "correlation": correlation, "where": where}
    filters = {name: value for name, value in chosen.items() if value is not None}
    begin = {"after": "end"} if since is None else {"since": since}
    if not as_json:
        notices.print(f"Following {topic}. Ctrl-C ends it.", markup=False)
    try:
        for line in islice(_new(Target.of(stage, profile), filters, begin, seconds), most):
            _show(line, as_json=as_json)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _new(target: Target, filters: dict[str, Any], place: dict[str, Any], seconds: float | None) -> Iterator[str]:
    """Yield the lines from *place* on, for so many *seconds*; None: for ever."""
    operation = operations.find("operations.find_events")
    end = time.monotonic() + (float("inf") if seconds is None else seconds)
    while True:
        for part in find.parts(target, operation, filters | place):
            yield from part["lines"]
            if part.get("positions"):
                place = {"after": part["positions"]}
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(POLL_SECONDS, left))


def _show(line: str, *, as_json: bool) -> None:
    if as_json:
        print(line, flush=True)  # noqa: T201 - rich would wrap it
    else:
        console.print(lines.one_line(lines.parse(line)), markup=False, soft_wrap=True)
