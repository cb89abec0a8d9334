"""Invoked by the delivery pipeline: apply this release's migrations to every domain's database, or show which are pending.

The result has the migrations of each domain that were applied or that are pending. Each part is one domain.
"""

from collections.abc import Iterator
from pathlib import Path

from kernel.errors import ConflictError
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from kernel.storage import database, migrations
from kernel.storage.migrations import MigrationError
from kernel.telemetry import logger
from operations.commands import RunMigrations

FOLDERS = Path(__file__).parents[1]
# A statement of the owner may take ten minutes, of the function's fifteen.
PART_SECONDS = 600

type Names = dict[str, list[str]]


@operation(RunMigrations, cursor=dict[str, list[str]], part_seconds=PART_SECONDS)
def handler(command: RunMigrations, run: Run[Names]) -> Iterator[Progress[Names]]:
    """The cursor holds the result so far: its domains are done."""
    found, folders = run.cursor or {}, sorted(FOLDERS.glob("*/migrations"))
    for folder in folders:
        domain = folder.parent.name
        if domain not in found:
            found = {**found, domain: _run(command.command, domain, folder)}
            yield Progress(len(found), len(folders), found, found)
    yield Progress(len(found), len(folders), None, found)


def _run(command: str, domain: str, folder: Path) -> list[str]:
    try:
        with database.connect(domain) as connection:
            if command == "status":
                return [each.name for each in migrations.status(connection, folder) if not each.applied]
            applied = migrations.apply(connection, domain, folder)
    except MigrationError as error:
        raise ConflictError(str(error)) from error
    logger.info("migrations applied", extra={"domain": domain, "migrations": applied})
    return applied
