"""`./millrace scopes`: what an account may do."""

from typing import Annotated

import typer

from millrace_local.cli import run
from millrace_local.cli.output import print_json
from millrace_local.deployment import operations


def command(
    username: Annotated[str, typer.Argument(help="The account's username.")],
    *,
    grant: Annotated[list[str] | None, typer.Option(help="A scope to add; may be repeated.")] = None,
    revoke: Annotated[list[str] | None, typer.Option(help="A scope to take away; may be repeated.")] = None,
) -> None:
    """Show or change an account's scopes.

    `user`: every account has it. `catalog:write`: change products. `notifications:write`: notify other users.

    They are in the access token of the account's next log-in or refresh.

    Example: ./millrace scopes ann --grant catalog:write
    """
    given = {"username": username, "grant": grant or [], "revoke": revoke or []}
    print_json(run.carry_out(operations.find("users.change_scopes"), given)["result"])
