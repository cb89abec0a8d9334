"""`./millrace test`: all tests, with servers of their own."""

import typer

from millrace_local.cli.replacement import become_python
from millrace_local.cloud.servers import SERVERS
from millrace_local.instance import ROOT

# See tests/kit/sharing.py for how processes share the tests. Those with servers wait for half of the time.
IN_THREE = ("--numprocesses=3", "--dist=loadscope")
IN_TWO = ("--numprocesses=2", "--dist=loadscope")
QUICK = "--quick"
# What is measured, and how, is in pyproject.toml.
COVERAGE = {"--coverage": ["--cov", "--cov-report=term"]}
SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}


def command(context: typer.Context) -> None:
    """Run the tests; arguments are pytest's. They start their own servers beside a running local cloud.

    --quick runs those that need no server, in less than a minute.

    --coverage measures which lines and branches they reach, and prints the share of each file and of all.

    Everything is tested by three processes, what needs no server by two, and a selection by one.

    Example: ./millrace test tests/activity -k duplicate
    """
    if QUICK not in context.args:
        for server in SERVERS:
            server.install()
    become_python("-m", "pytest", *shared(context.args))


def shared(arguments: list[str]) -> list[str]:
    """Return *arguments* in pytest's terms, with those that share the tests unless they select some."""
    given = [word for each in arguments for word in COVERAGE.get(each, [each])]
    if any(map(_selects, arguments)):
        return given
    return [*(IN_TWO if QUICK in arguments else IN_THREE), *given]


def _selects(argument: str) -> bool:
    """Return whether *argument* of pytest leaves tests out: a path, or an expression. Other options' values do not."""
    path = ROOT / argument.partition("::")[0]
    return argument.startswith(("-k", "-m")) or (not argument.startswith("-") and path.exists())
