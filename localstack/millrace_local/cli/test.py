"""`./millrace test`: all tests, with servers of their own."""

import subprocess
import sys

import typer

from millrace_local.instance import ROOT, environment
from millrace_local.services import SERVICES

# Without arguments, on two cores: one works through what needs the whole cloud, the other through the rest.
ALL = ("--numprocesses=2", "--dist=loadgroup")
SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}


def command(context: typer.Context) -> None:
    """Run the tests; arguments are pytest's. They start their own servers beside a running local cloud.

    Example: ./millrace test tests/activity -k duplicate
    """
    for service in SERVICES:
        service.install()
    pytest = [str(environment("dev") / "bin" / "python"), "-m", "pytest", *(context.args or ALL)]
    sys.exit(subprocess.run(pytest, cwd=ROOT, check=False).returncode)  # noqa: S603 - our own command line
