"""`./millrace down`: stop the local cloud."""

from typing import Annotated

import typer

from millrace_local.cli.output import errors
from millrace_local.cloud import lifecycle
from millrace_local.instance import Instance


def command(
    *, purge: Annotated[bool, typer.Option("--purge", help="Remove its data and logs as well.")] = False
) -> None:
    """Stop the local cloud in order: consumers commit, Kafka and Postgres write everything down. Data is kept.

    Example: ./millrace down --purge
    """
    with errors.status("Stopping the local cloud …"):
        was_running = lifecycle.down(Instance.from_environment(), purge=purge)
    stopped = "The local cloud is down" if was_running else "Nothing was running"
    errors.print(f"{stopped}; its data is {'removed' if purge else 'kept'}.")
