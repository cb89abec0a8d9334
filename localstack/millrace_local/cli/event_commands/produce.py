"""`./millrace events produce`: publish records by hand."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from millrace_local.cli import operating, plans
from millrace_local.cli.operating import Target
from millrace_local.cli.output import console, notices
from millrace_local.deployment import operations

# What one invocation takes: 6 MB, and JSON within JSON takes more than its bytes.
MOST_LINES = 5_000
MOST_BYTES = 2_500_000


def command(  # noqa: PLR0913 - the options
    topic: Annotated[str, typer.Argument(help="One of the application's topics of events.")],
    *,
    file: Annotated[
        str | None,
        typer.Option(help="Lines of JSON as `events find --json` prints them; - is standard input."),
    ] = None,
    key: Annotated[str | None, typer.Option(help="Of a single record.")] = None,
    value: Annotated[str | None, typer.Option(help="Of a single record.")] = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="Of a single event: it gets the headers of an event, with a new id.")
    ] = None,
    header: Annotated[list[str] | None, typer.Option(help="Of a single record, name=value. May be repeated.")] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Publish what its consumers would refuse as well.")
    ] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Do it. Without this, the plan is printed.")] = False,
    expect: Annotated[int | None, typer.Option(help="Confirm the plan's count in a script.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for the audit; required on AWS.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON, for scripts.")] = False,
    stage: Annotated[str | None, typer.Option(help="The deployed stage; another than local is on AWS.")] = None,
    profile: Annotated[str | None, typer.Option(help="The profile of AWS's configuration to use.")] = None,
) -> None:
    """Publish records to a topic, in their order: those of a file, or a single one. Prints the plan without --execute.

    Each record of a known type is checked against its contract. A record that fails ends it, and is named with what was
    published before it. Larger files are for `events replay`.

    Exit codes: 0 done, or the plan was printed; 1 failed, or not all were published; 2 wrong options.

    Examples: ./millrace events produce order-events --file lines.jsonl --execute --expect 3 ·
    ./millrace events produce user-activity-events --key u1 --type UserEvent --value '{"eventId": …}'
    """
    given = {"key": key, "value": value, "type": type_, "header": header, "reason": reason}
    chosen: dict[str, Any] = {name: each for name, each in given.items() if each not in (None, [])}
    if file is not None:
        chosen["lines"] = _lines(file)
    payload = {"topic": topic, "unchecked": unchecked, **chosen}
    target, operation = Target.of(stage, profile), operations.find("operations.produce_events")
    plan = operating.ask(target, operation, payload)
    if not execute:
        operating.emit(plan, plans.show, as_json=as_json)
        if not as_json:
            notices.print(f"Nothing was done. To do it: --execute --expect {plan['count']}", markup=False)
        return
    if not as_json:
        plans.show(plan)
    change = {"execute": True, "expect": operating.confirmed(plan["count"], expect), "who": target.who()}
    result = operating.ask(target, operation, payload | change)
    operating.emit(result, _show, as_json=as_json)
    if result["failures"]:
        raise typer.Exit(1)


def _show(result: dict[str, Any]) -> None:
    console.print(f"{result['published']} records were published and acknowledged.", markup=False)
    for each in result["failures"]:
        certainty = "it was not published" if each["certain"] else "it may have been published, or not"
        notices.print(f"Line {each['line']}: {certainty}: {each['reason']}", markup=False, soft_wrap=True)
    if result["not_sent"]:
        notices.print(f"The {result['not_sent']} lines after these were not sent.", markup=False)


def _lines(file: str) -> list[str]:
    """Return the lines of *file* that are not empty. Raises BadParameter for too many, and a file that cannot be read."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        message = f"--file {file}: {error}"
        raise typer.BadParameter(message) from error
    found = [line for line in text.splitlines() if line.strip()]
    if not found:
        message = f"--file {file} has no lines."
        raise typer.BadParameter(message)
    if len(found) > MOST_LINES or len(text.encode()) > MOST_BYTES:
        message = (
            f"--file {file} has {len(found)} lines and {len(text.encode()):,} bytes; {MOST_LINES:,} lines and "
            f"{MOST_BYTES:,} bytes are the most. Use ./millrace events replay, or several files."
        )
        raise typer.BadParameter(message)
    return found
