"""`./millrace faults`: the cases of docs/reliability.md."""

import os
from typing import Annotated

import typer

from millrace_local.cli.replacement import become_python
from millrace_local.cloud.servers import SERVERS
from millrace_local.instance import ROOT

PARTS = (".", "functions", "layers/shared", "localstack")


def command(  # noqa: PLR0913 - the command's options
    *,
    all_: Annotated[bool, typer.Option("--all", help="Every case, scaled to end within 40 minutes.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Every case in the matrix's own sizes: hours.")] = False,
    case: Annotated[
        list[str] | None, typer.Option(help="Only the cases of this row of the matrix, or with these words.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the schedule of faults; a new one by default.")] = None,
    without_cloud: Annotated[
        bool, typer.Option("--without-cloud", help="Leave out what needs a whole local cloud.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was ended; repeat what failed.")
    ] = False,
) -> None:
    """Kill, stop, cut and fill the parts of Millrace while clients work, and check that nothing is lost (local cloud only).

    Without --all or --full it runs the suite's small cases. With either it writes what came out into
    docs/reliability.md. Exits with 1 if a case failed; --case and --seed repeat it.

    Example: ./millrace faults --all

    Example: ./millrace faults --case 8 --seed 11
    """
    if all_ and full:
        raise typer.BadParameter("--all and --full are two sizes: give one.")
    for server in SERVERS:
        server.install()
    extent = "full" if full else "all" if all_ else "quick"
    words = [word for each in case or [] for word in ("--case", each)]
    words += [*(["--without-cloud"] if without_cloud else []), *(["--resume"] if resume else [])]
    # The list of cases imports what functions do, before pytest finds their folders by its own settings.
    os.environ["PYTHONPATH"] = os.pathsep.join(str(ROOT / part) for part in PARTS)
    become_python("-m", "tools.faults", "--extent", extent, *words, *([] if seed is None else ["--seed", str(seed)]))
