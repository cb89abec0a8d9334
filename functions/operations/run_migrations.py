"""Invoked by the delivery pipeline: bring every domain's database to this release's migrations, or tell what is due.

Takes `{"command": "apply"}` or `{"command": "status"}` and answers, per domain, with the names that were applied or
that are pending.
"""

from pathlib import Path

import msgspec

from kernel import telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.storage import database, migrations
from operations.commands import RunMigrations

FOLDERS = Path(__file__).parents[1]


def handler(event: dict[str, object], context: LambdaContext) -> dict[str, list[str]]:
    telemetry.begin(context.aws_request_id, None)
    command = msgspec.convert(event, RunMigrations).command
    return {folder.parent.name: _run(command, folder) for folder in sorted(FOLDERS.glob("*/migrations"))}


def _run(command: str, folder: Path) -> list[str]:
    domain = folder.parent.name
    with database.connect(domain) as connection:
        if command == "status":
            return [each.name for each in migrations.status(connection, folder) if not each.applied]
        applied = migrations.apply(connection, domain, folder)
    telemetry.logger.info("migrations applied", extra={"domain": domain, "migrations": applied})
    return applied
