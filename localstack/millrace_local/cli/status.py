"""`./millrace status`: the servers, functions, mappings, topics and outboxes, and what is wrong with them."""

import sys
import time
from typing import Annotated

import msgspec
import psutil
import typer

from millrace_local.cli import status_tables
from millrace_local.cli.output import console, print_json
from millrace_local.cloud.status import status
from millrace_local.instance import Instance

MOST_SECONDS = 2.5


def command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
    functions: Annotated[bool, typer.Option("--functions", help="List each function.")] = False,
    seconds: Annotated[float, typer.Option(help="How long to wait for what does not answer.")] = MOST_SECONDS,
) -> None:
    """Show what runs and how it is, within three seconds whatever hangs. Exit with 1 if anything has a problem.

    What cannot be read is `unknown`, and null in the JSON. On a very busy machine, healthy servers may need more time:
    --seconds 20.

    Example: ./millrace status --json | jq '.mappings[].lag'
    """
    # On a busy machine the command itself takes a second to start.
    found = status(Instance.from_environment(), seconds - _seconds_since_start())
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        status_tables.show(console, found, functions=functions)
    sys.exit(any(True for _ in found.problems()))


def _seconds_since_start() -> float:
    started = psutil.Process().create_time()
    if sys.platform == "linux":
        # create_time is derived from the time of boot, which is known to the second only: subtract it again.
        return time.clock_gettime(time.CLOCK_BOOTTIME) - (started - psutil.boot_time())
    return time.time() - started
