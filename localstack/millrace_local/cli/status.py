"""`./millrace status`: every server, function and mapping."""

import sys
from typing import Annotated

import typer
from rich.table import Table

from millrace_local.cli.output import console, print_json
from millrace_local.instance import Instance
from millrace_local.status import Row, status

COLOURS = {"up": "green", "down": "red", "Active": "green", "Enabled": "green", "Failed": "red", "Disabled": "yellow"}


def command(*, as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False) -> None:
    """Show what runs and how it is; exits with 1 if a server is down.

    Example: ./millrace status --json | jq '.mappings[].lag'
    """
    found = status(Instance.from_environment())
    if as_json:
        print_json(found)
    else:
        for title, rows in found.items():
            if rows:
                console.print(_table(title, rows))
    sys.exit(any(part["state"] == "down" for part in found["parts"]))


def _table(title: str, rows: list[Row]) -> Table:
    shown = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    table = Table(title=title)
    for name in shown:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in shown))
    return table


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"[{COLOURS[text]}]{text}[/]" if text in COLOURS else text
