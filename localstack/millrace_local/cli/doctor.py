"""`./millrace doctor`: everything that is wrong now."""

import sys
from typing import Annotated

import msgspec
import typer

from millrace_local.cli.output import console, notices, print_json
from millrace_local.doctor import problems
from millrace_local.mappings.place import Place


def command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    stage: Annotated[str | None, typer.Option(help="The deployed stage; another than local is on AWS.")] = None,
    profile: Annotated[str | None, typer.Option(help="The profile of AWS's configuration to use.")] = None,
) -> None:
    """Show everything that is wrong now, each with its reason and the command that mends it.

    Servers, the stack, mappings, schedules, outboxes, breakers, dead letters, retention and the archive. The exit code
    is for pagers: 0 nothing is wrong, 1 something is, 2 wrong options.

    Examples: ./millrace doctor · ./millrace doctor --stage prod --profile shop --json
    """
    with notices.status("Looking …"):
        found = problems.find(Place.of(stage, profile))
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        _show(found)
    sys.exit(bool(found))


def _show(found: list[problems.Problem]) -> None:
    for each in found:
        console.print(each.name, style="bold red", markup=False, soft_wrap=True)
        console.print(f"  {each.reason}", markup=False, soft_wrap=True)
        console.print(f"  → {each.command}", markup=False, style="bold", soft_wrap=True)
    if not found:
        console.print("Nothing is wrong.", style="green")
