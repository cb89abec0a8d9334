"""`./millrace events archive`: archive now what topics have, or compare the archive with them."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.table import Table

from millrace_local.cli import run
from millrace_local.cli.output import console, notices
from millrace_local.deployment import operations
from millrace_local.deployment.operations import Answer, OperationFailedError
from millrace_local.instance import STAGE

FAULTS = ("differing", "missing", "doubled", "misplaced", "absent", "gaps", "another")
COLUMNS = ("archived", "same", "deleted", "acknowledged", *FAULTS)


def command(  # noqa: PLR0913 - the options
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare the archive with the topics, and write nothing.")
    ] = False,
    topic: Annotated[list[str] | None, typer.Option(help="This topic alone; may be repeated.")] = None,
    acknowledge: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Accept that the offsets of all gaps so far are lost, for this reason."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the last run was interrupted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the last answer as one line of JSON.")] = False,
    stage: Annotated[str | None, typer.Option(help="The deployed stage; another than local is on AWS.")] = None,
    profile: Annotated[str | None, typer.Option(help="The profile of AWS's configuration to use.")] = None,
) -> None:
    """Archive now what the topics have since the last run. A schedule does so every five minutes.

    With --verify, compare the archive with the topics, byte for byte, wherever both have the offset. Both find gaps: offsets
    that a topic deleted before they were archived. They are an error until --acknowledge.

    Exit codes: 0 done, 1 failed or something is wrong, 2 wrong options.

    Examples: ./millrace events archive · ./millrace events archive --verify --topic user-events --topic blog-events
    """
    if verify and acknowledge is not None:
        raise typer.BadParameter("--verify changes nothing. Give --acknowledge without it.")
    if acknowledge == "":
        raise typer.BadParameter("--acknowledge needs a reason, which is kept with the gaps.")
    given: dict[str, Any] = {"topic": topic, "acknowledge": acknowledge}
    operation = operations.find("operations.verify_archive" if verify else "operations.archive_events")
    try:
        answer = run.carry_out(
            operation,
            {name: value for name, value in given.items() if value},
            resume=resume,
            stage=stage or (None if profile else STAGE),
            profile=profile,
        )
    except OperationFailedError as error:
        if as_json:
            print(json.dumps(error.answer))  # noqa: T201 - rich would wrap it
        raise
    if as_json:
        print(json.dumps(answer))  # noqa: T201 - rich would wrap it
    elif not verify:
        result = answer["result"]
        notices.print(f"Archived {result['records']:,} records; {result['files']:,} files were written.")
    else:
        _show(answer)
    if verify and any(found[fault] for found in answer["result"].values() for fault in FAULTS):
        sys.exit(1)


def _show(answer: Answer) -> None:
    found: dict[str, dict[str, Any]] = answer["result"]
    shown = [name for name in COLUMNS if name in COLUMNS[:3] or any(each[name] for each in found.values())]
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("topic", overflow="fold")
    for name in shown:
        table.add_column(name, justify="right", style="red" if name in FAULTS else None)
    for topic, each in found.items():
        table.add_row(topic, *(f"{each[name]:,}" for name in shown))
    console.print(table)
    for each in found.values():
        for example in each["examples"]:
            notices.print(example, markup=False, soft_wrap=True)
    faults = sum(each[fault] for each in found.values() for fault in FAULTS)
    files = f"{answer['done']:,} files of {len(found)} topics"
    notices.print(f"{faults} faults in {files}." if faults else f"Nothing is wrong in {files}.")
