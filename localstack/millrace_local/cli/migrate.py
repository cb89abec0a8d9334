"""`./millrace migrate`: bring the databases to the checkout's migrations."""

from millrace_local.cli.output import notices
from millrace_local.deployment import databases
from millrace_local.instance import Instance


def command() -> None:
    """Create what is missing of every domain's database and roles, and apply new migrations.

    Example: ./millrace migrate
    """
    databases.migrate(Instance.from_environment())
    notices.print(f"Up to date: {', '.join(databases.domains())}.")
