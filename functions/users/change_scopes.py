"""Invoked by an operator: grant scopes to an account or revoke them, and return its scopes.

The account's next access token has them. An older token stays valid for up to 15 minutes. Without scopes to grant or
revoke, nothing changes.
"""

from collections.abc import Iterator

from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from kernel.telemetry import logger
from users import store
from users.commands import ChangeScopes
from users.database import transaction


@operation(ChangeScopes)
def handler(command: ChangeScopes, _run: Run[None]) -> Iterator[Progress[None]]:
    with transaction() as connection:
        account = store.change_scopes(connection, command)
    logger.info("scopes changed", extra={"user": str(account.id), "scopes": account.scopes})
    yield Progress(1, 1, result=account)
