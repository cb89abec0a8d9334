"""`./millrace test`: all tests, with servers of their own."""

import subprocess
import sys

import typer

from millrace_local.instance import ROOT, environment
from millrace_local.services import SERVICES

SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}


def command(context: typer.Context) -> None:
    """Run the tests; arguments are pytest's. They start their own servers beside a running local cloud.

    Example: ./millrace test tests/activity -k duplicate

    In two processes, a third faster: ./millrace test --numprocesses=2 --dist=loadscope
    """
    for service in SERVICES:
        service.install()
    pytest = [str(environment("dev") / "bin" / "python"), "-m", "pytest", *context.args]
    sys.exit(subprocess.run(pytest, cwd=ROOT, check=False).returncode)  # noqa: S603 - our own command line
