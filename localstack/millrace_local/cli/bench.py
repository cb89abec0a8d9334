"""`./millrace bench`: the measurements that the documentation quotes."""

from pathlib import Path
from typing import Annotated

import typer

from millrace_local.cli.replacement import become_python
from millrace_local.cloud.servers import SERVERS


def command(
    names: Annotated[list[str] | None, typer.Argument(help="Benchmarks to run; without it, the list of them.")] = None,
    beside: Annotated[Path | None, typer.Option(help="Another checkout, to compare with: both run in turn.")] = None,
    runs: Annotated[int | None, typer.Option(help="How often each checkout runs (5).", min=1)] = None,
    events: Annotated[int | None, typer.Option(help="How many events: of growth alone (60,000).", min=1)] = None,
) -> None:
    """Measure, each against its budget or its alternative, in one run on this machine.

    Example: ./millrace bench kernel_consumer --beside ../before

    The other checkout needs its own environments: run ./millrace test --version there.
    """
    for server in SERVERS:
        server.install()
    arguments = [
        *(names or []),
        *(["--beside", str(beside)] if beside else []),
        *(["--runs", str(runs)] if runs else []),
        *(["--events", str(events)] if events else []),
    ]
    become_python("-m", "tools.benchmarks", *arguments)
