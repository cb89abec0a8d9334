"""`./millrace down`: stop the local cloud."""

from typing import Annotated

import typer

from millrace_local.cli.output import notices
from millrace_local.cloud import lifecycle
from millrace_local.instance import Instance


def command(*, purge: Annotated[bool, typer.Option("--purge", help="Remove data and logs too.")] = False) -> None:
    """Stop the local cloud in order: consumers commit, Kafka and Postgres write everything to disk. Data is kept.

    Example: ./millrace down --purge
    """
    with notices.status("Stopping the local cloud …"):
        was_running = lifecycle.down(Instance.from_environment(), purge=purge)
    stopped = "The local cloud is down" if was_running else "Nothing was running"
    notices.print(f"{stopped}; its data is {'removed' if purge else 'kept'}.")
