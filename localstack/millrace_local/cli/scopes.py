"""`./millrace scopes`: what an account may do."""

from typing import Annotated

import typer

from millrace_local.cli.output import print_json
from millrace_local.deployment import functions
from millrace_local.instance import Instance


def command(
    username: Annotated[str, typer.Argument(help="The account's username.")],
    *,
    grant: Annotated[list[str] | None, typer.Option(help="A scope to add; may be repeated.")] = None,
    revoke: Annotated[list[str] | None, typer.Option(help="A scope to take away; may be repeated.")] = None,
) -> None:
    """Show or change an account's scopes.

    `user`: everybody has it. `catalog:write`: change products. `notifications:write`: notify other users.

    They are in the access token of the account's next log-in or refresh.

    Example: ./millrace scopes ann --grant catalog:write
    """
    event = {"username": username, "grant": grant or [], "revoke": revoke or []}
    print_json(functions.call(Instance.from_environment(), "UsersChangeScopes", event))
