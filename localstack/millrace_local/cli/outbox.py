"""`./millrace outbox`: rows that no retry can publish."""

from typing import Any

import typer

from millrace_local.cli import operating, plans, tables

application = typer.Typer(
    no_args_is_help=True,
    help="See parked rows of the outboxes, and let them be published again or delete them.",
)


def _show_list(found: dict[str, Any]) -> None:
    rows = [
        (each["domain"], each["id"], each["topic"], each["type"], each["bytes"], each["reason"])
        for each in found["rows"]
    ]
    tables.show(("domain", "id", "topic", "type", "bytes", "reason"), rows, empty="No row is parked.")


def _show_result(result: dict[str, Any]) -> None:
    tables.show_fields(result.items())


application.command("list")(
    operating.reading(
        "operations.list_parked_rows",
        _show_list,
        """List parked rows, with the reason of each. Their content is not shown.

        Example: ./millrace outbox list --domain orders --since 2026-11-27T00:00:00Z
        """,
        {"group": None},
    )
)
application.command("retry")(
    operating.changing(
        "operations.change_parked_rows",
        plans.show,
        _show_result,
        """Let the relay publish parked rows again, once what refused them is mended.

        Example: ./millrace outbox retry --topic order-events --execute --expect 3
        """,
        {"action": "retry", "group": None},
    )
)
application.command("discard")(
    operating.changing(
        "operations.change_parked_rows",
        plans.show,
        _show_result,
        """Delete parked rows for good: their events are never published. --reason is required on AWS.

        Example: ./millrace outbox discard --domain orders --key 0193… --reason "a test order" --execute --expect 1
        """,
        {"action": "discard", "group": None},
    )
)
