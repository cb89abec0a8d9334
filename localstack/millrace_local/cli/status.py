"""`./millrace status`: every server, function and mapping."""

import sys
import time
from typing import Annotated

import psutil
import typer
from rich.markup import escape
from rich.table import Table

from millrace_local.cli.output import console, print_json
from millrace_local.cloud.status import Row, status
from millrace_local.instance import Instance

MOST_SECONDS = 2.5
GOOD, BAD = ("up", "Active", "Enabled"), ("down", "hung", "missing", "failed", "full", "Failed")
COLOURS = dict.fromkeys(GOOD, "green") | dict.fromkeys(BAD, "red") | dict.fromkeys(("starting", "Disabled"), "yellow")


def command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
    seconds: Annotated[float, typer.Option(help="For how long to wait for what does not answer.")] = MOST_SECONDS,
) -> None:
    """Show what runs and how it is, within three seconds whatever hangs; exits with 1 if anything has a problem.

    On a machine that is very busy, healthy servers may want more time: --seconds 20.

    Example: ./millrace status --json | jq '.mappings[].lag'
    """
    # On a busy machine the command itself takes a second to start.
    found = status(Instance.from_environment(), seconds - _seconds_since_start())
    if as_json:
        print_json(found)
    else:
        for title, rows in found.items():
            if rows:
                console.print(_table(title, rows))
    sys.exit(any(row["problem"] for rows in found.values() for row in rows))


def _seconds_since_start() -> float:
    started = psutil.Process().create_time()
    if sys.platform == "linux":
        # There it is the time since boot, which is known to the second only, and what is asked for.
        return time.clock_gettime(time.CLOCK_BOOTTIME) - (started - psutil.boot_time())
    return time.time() - started


def _table(title: str, rows: list[Row]) -> Table:
    shown = [name for name in rows[0] if any(_text(row[name]) for row in rows)]
    table = Table(title=title)
    for name in shown:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in shown))
    return table


def _cell(value: object) -> str:
    text = _text(value)
    return f"[{COLOURS[text]}]{text}[/]" if text in COLOURS else escape(text)


def _text(value: object) -> str:
    return "\n".join(value) if isinstance(value, list) else "" if value is None else str(value)
