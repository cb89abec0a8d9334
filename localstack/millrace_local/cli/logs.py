"""`./millrace logs`: what the servers and functions wrote."""

import subprocess
from typing import Annotated

import typer

from millrace_local.cli.output import console
from millrace_local.instance import Instance
from millrace_local.problems import LocalCloudError


def command(
    name: Annotated[str | None, typer.Argument(help="A server, e.g. localstack; without it, the list of logs.")] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing as lines come.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.")] = 50,
) -> None:
    """Print the last lines of a server's log.

    Example: ./millrace logs localstack -f
    """
    instance = Instance.from_environment()
    logs = {path.stem: path for path in sorted(instance.logs.glob("*.log"))}
    if name is None:
        for known, path in logs.items():
            console.print(f"{known:<12} {path.stat().st_size / 1024:8.0f} KB  {path}", soft_wrap=True)
        return
    if name not in logs:
        message = f"There is no log named {name!r}. There are: {', '.join(logs) or 'none; run ./millrace up first'}."
        raise LocalCloudError(message)
    tail = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(logs[name])]
    try:
        subprocess.run(tail, check=False)  # noqa: S603 - our own command line
    except KeyboardInterrupt:
        return
