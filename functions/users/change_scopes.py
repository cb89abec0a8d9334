"""Invoked by an operator: grant scopes to an account, or take them away; the account's next access token has them.

Takes `{"username": "ann", "grant": ["catalog:write"], "revoke": []}` and answers with the account's scopes. A token
that was issued before lives on for up to 15 minutes.
"""

import msgspec

from kernel import telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.storage.database import transaction
from users import store
from users.commands import ChangeScopes


def handler(event: dict[str, object], context: LambdaContext) -> dict[str, object]:
    telemetry.begin(context.aws_request_id, None)
    command = msgspec.convert(event, ChangeScopes)
    with transaction("users") as connection:
        account = store.change_scopes(connection, command)
    telemetry.logger.info("scopes changed", extra={"user": str(account.id), "scopes": account.scopes})
    answer: dict[str, object] = msgspec.to_builtins(account)
    return answer
