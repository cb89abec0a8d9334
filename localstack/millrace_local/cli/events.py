"""`./millrace events`: what the topics have, and have had."""

import sys
from importlib import import_module

import typer

COMMANDS = ("archive", "find", "path", "produce", "replay", "tail")

application = typer.Typer(no_args_is_help=True)
# Import only the command that is run, as `__main__` does.
for name in [each for each in COMMANDS if each in sys.argv[2:3]] or COMMANDS:
    application.command(name)(import_module(f"millrace_local.cli.event_commands.{name}").command)


@application.callback()
def group() -> None:
    """Find, follow and publish events, see the whole way of one, and archive all of them.

    Exit codes: 0 done, 1 failed, 2 wrong options, 130 Ctrl-C.

    Examples: ./millrace events path 0193… · ./millrace events tail order-events · ./millrace events archive --verify
    """
