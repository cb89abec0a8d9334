"""`./millrace logs`: the logs of servers and functions."""

import subprocess
from typing import Annotated

import typer

from millrace_local.cli.output import console
from millrace_local.cloud import function_logs
from millrace_local.instance import Instance
from millrace_local.problems import LocalCloudError


def command(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A server or a function, e.g. localstack or orders.create_order. Without it, list the logs."
        ),
    ] = None,
    *,
    request_id: Annotated[
        str | None,
        typer.Option(
            help="Print only the function's invocations that mention this X-Request-Id, event id or invocation id."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines as they are written.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Number of lines to print.")] = 50,
) -> None:
    """Print the last lines of a server's or a function's log.

    A function's log begins with the first invocation and survives restarts and deployments. Call it by its path, its
    logical id in template.yaml or its deployed name.

    Examples: ./millrace logs localstack -f · ./millrace logs orders.create_order --request-id ID
    """
    instance = Instance.from_environment()
    servers = function_logs.servers(instance)
    try:
        if name is None:
            _list(instance)
        elif name in servers and request_id is None:
            tail = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(servers[name])]
            subprocess.run(tail, check=False)  # noqa: S603 - our own command line
        elif name in servers:
            message = f"{name} is a server: its log has no request ids. --request-id is for functions."
            raise LocalCloudError(message)
        else:
            _print_function(instance, name, request_id, lines, follow=follow)
    except KeyboardInterrupt:
        return


def _list(instance: Instance) -> None:
    functions = {name: instance.function_logs / f"{name}.log" for name in function_logs.names(instance)}
    for known, path in (function_logs.servers(instance) | functions).items():
        console.print(f"{known:<42} {path.stat().st_size / 1024:8.0f} KB  {path}", soft_wrap=True)


def _print_function(instance: Instance, name: str, request_id: str | None, last: int, *, follow: bool) -> None:
    file, shown = function_logs.find(instance, name), 0
    for line in function_logs.lines(file, last=last, request_id=request_id, follow=follow):
        print(line, flush=follow)  # noqa: T201 - rich would wrap and style it
        shown += 1
    if request_id and not shown:
        message = f"{file.stem} has no invocation that mentions {request_id}. A new invocation appears a moment after it has ended."
        raise LocalCloudError(message)
