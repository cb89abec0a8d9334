"""`./millrace bench`: the measurements that the documentation quotes."""

import os
import subprocess
import sys
from typing import Annotated

import typer

from millrace_local.cli.output import errors
from millrace_local.instance import ROOT, environment
from millrace_local.problems import LocalCloudError
from millrace_local.servers import SERVICES

FOLDER = ROOT / "tests" / "benchmarks"


def command(
    names: Annotated[list[str] | None, typer.Argument(help="Benchmarks to run; without it, the list of them.")] = None,
) -> None:
    """Measure, each against its budget or its alternative, in one run on this machine.

    Example: ./millrace bench kernel_consumer
    """
    known = [path.stem for path in sorted(FOLDER.glob("*.py")) if "__main__" in path.read_text()]
    for service in SERVICES:
        service.install()
    for name in names or []:
        if name not in known:
            message = f"There is no benchmark {name!r}. There are: {', '.join(known)}."
            raise LocalCloudError(message)
        errors.rule(name)
        command = [str(environment("dev") / "bin" / "python"), "-m", f"tests.benchmarks.{name}"]
        path = os.pathsep.join(str(ROOT / part) for part in ("functions", "layers/shared", "localstack"))
        ran = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, check=False)  # noqa: S603 - our own command line
        if ran.returncode:
            sys.exit(ran.returncode)
    if not names:
        errors.print("\n".join(known))
