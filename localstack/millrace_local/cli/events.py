"""`./millrace events`: what the topics have, and have had."""

import sys
from importlib import import_module

import typer

COMMANDS = ("archive", "replay")

application = typer.Typer(no_args_is_help=True)
# Import only the command that is run, as `__main__` does.
for name in [each for each in COMMANDS if each in sys.argv[2:3]] or COMMANDS:
    application.command(name)(import_module(f"millrace_local.cli.event_commands.{name}").command)


@application.callback()
def group() -> None:
    """Archive events, and see what became of them.

    Exit codes: 0 done, 1 failed, 2 wrong options.

    Examples: ./millrace events archive · ./millrace events archive --verify --topic user-events
    """
