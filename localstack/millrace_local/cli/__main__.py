"""`./millrace COMMAND`."""

import errno
import sys
from importlib import import_module

import typer

from millrace_local.cli.output import print_error
from millrace_local.problems import LocalCloudError
from millrace_local.servers.server import NotReadyError

COMMANDS = (
    *("up", "down", "status", "logs", "env", "mappings", "doctor", "events"),
    *("deploy", "invoke", "run", "migrate", "scopes", "reindex", "openapi"),
    *("dead-letters", "outbox", "projections", "tasks", "audit"),
    *("check", "test", "bench", "faults"),
)

application = typer.Typer(
    name="./millrace",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# Import only the command that is run: importing all of them takes longer than most commands.
wanted = [name for name in COMMANDS if name in sys.argv[1:2]] or COMMANDS
for command in wanted:
    module = import_module(f"millrace_local.cli.{command.replace('-', '_')}")
    if several := getattr(module, "application", None):
        application.add_typer(several, name=command)
        continue
    application.command(command, context_settings=getattr(module, "SETTINGS", None))(module.command)


@application.callback()
def group() -> None:
    """Millrace: the whole event-driven cloud on this machine. Start with `./millrace up`."""


def main() -> None:
    try:
        application(prog_name="./millrace")
    except LocalCloudError as error:
        print_error(str(error))
        sys.exit(1)
    except NotReadyError as error:
        print_error(f"{error} Is the local cloud up? See ./millrace status, start it with ./millrace up.")
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print_error(f"The disk is full ({error.filename or 'unknown file'}). Free some space and run it again.")
        sys.exit(1)
    except Exception as error:
        if not _comes_from_a_server(error):
            raise
        print_error(f"A server of the local cloud failed: {str(error).strip()}. See ./millrace status.")
        sys.exit(1)


def _comes_from_a_server(error: Exception) -> bool:
    """Return whether a server's client raised the error: the server died, hangs or refused."""
    classes = {each.__module__.partition(".")[0] for each in type(error).__mro__}
    return not classes.isdisjoint({"botocore", "psycopg", "cimpl"})


main()
