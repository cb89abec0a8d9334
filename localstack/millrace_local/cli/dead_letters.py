"""`./millrace dead-letters`: records that failed, by cause, and what becomes of them."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from millrace_local.cli import operating, options, plans, tables
from millrace_local.cli.operating import Target
from millrace_local.cli.output import console, notices
from millrace_local.deployment import operations

application = typer.Typer(
    no_args_is_help=True,
    help="See dead letters by their cause, redrive them to the consumer that failed, set them aside or give them up.",
)


def _time(milliseconds: int) -> str:
    return (
        datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
    )


def _show_list(found: dict[str, Any]) -> None:
    columns = ("letter", "state", "type", "key", "consumer", "error", "group", "failed (UTC)", "redrives")
    rows = [
        (each["letter"], each["state"], each["type"], each["key"], each["consumer"], each["error"], each["group"],
         _time(each["failed_at"]), each["redrives"] or None)
        for each in found["letters"]
    ]  # fmt: skip
    tables.show(columns, rows, empty="There are no such dead letters.")
    if found["count"] > len(rows):
        notices.print(f"These are the first {len(rows)} of {found['count']}: narrow them down, or use export.")


def _show_groups(found: dict[str, Any]) -> None:
    for each in found["groups"]:
        console.print(f"[bold]{each['group'] or 'unknown'}[/]  {each['count']} letters", soft_wrap=True)
        tables.show_fields(
            [
                ("  consumer", each["consumer"]),
                ("  error", each["error"]),
                ("  where", each["where"]),
                ("  message", each["message"]),
                ("  types", ", ".join(each["types"])),
                ("  keys", each["keys"]),
                ("  first", _time(each["first"])),
                ("  last", _time(each["last"])),
                ("  example", each["example"]),
            ]
        )
    if not found["groups"]:
        console.print("There are no such dead letters.")


def _show_letter(letter: dict[str, Any]) -> None:
    why = letter["why"]
    tables.show_fields(
        [
            ("letter", letter["letter"]),
            ("original", f"{why['topic']}:{why['partition']}:{why['offset']}" if why["topic"] else None),
            *((name.replace("_", " "), why[name]) for name in why if name not in {"topic", "partition", "offset"}),
            ("key", letter["key"]),
            ("value", json.dumps(letter["value"], indent=2, ensure_ascii=False)),
            ("headers", json.dumps(letter["headers"], indent=2, ensure_ascii=False)),
        ]
    )


def _show_result(result: dict[str, Any]) -> None:
    tables.show_fields(result.items())


application.command("list")(
    operating.reading(
        "operations.list_dead_letters",
        _show_list,
        """List dead letters that wait, in the order in which they would be redriven.

        Examples: ./millrace dead-letters list --topic order-events · ./millrace dead-letters list --state parked
        """,
    )
)
application.command("groups")(
    operating.reading(
        "operations.group_dead_letters",
        _show_groups,
        """Count dead letters by their cause: a fingerprint of the error and of the place in the code.

        Example: ./millrace dead-letters groups --since 2026-11-27T00:00:00Z
        """,
    )
)
application.command("redrive")(
    operating.changing(
        "operations.redrive_dead_letters",
        plans.show,
        _show_result,
        """Publish dead letters again to their topic, for the consumer that failed. Others skip them.

        Key, value, headers and the order per key stay. Letters that fail again come back with one redrive more.
        --reason is required on AWS.

        Examples: ./millrace dead-letters redrive --group 1f2e3d4c · add --execute --expect 120 --canary 10 --rate 50/s
        """,
    )
)
for action, documentation in {
    "archive": """Set dead letters aside: they are no longer listed and not redriven, until they are restored.

        Example: ./millrace dead-letters archive --group 1f2e3d4c --execute --expect 12
        """,
    "restore": """Let archived dead letters wait again.

        Example: ./millrace dead-letters restore --group 1f2e3d4c --execute --expect 12
        """,
    "discard": """Give dead letters up for good. What an ordered consumer parked behind them is free then.

        --reason is required on AWS. The records stay on their topic until it forgets them.

        Example: ./millrace dead-letters discard --letter order-events-payments-dlq:0:17 --execute --expect 1
        """,
}.items():
    application.command(action)(
        operating.changing(
            "operations.settle_dead_letters", plans.show, _show_result, documentation, {"action": action}
        )
    )
application.command("reset-breaker")(
    operating.asking(
        "operations.reset_breaker",
        _show_result,
        """Show a consumer's breaker; with --execute close it, so that it may dead-letter as many records again.

        The first success closes it too. --reason is required on AWS.

        Example: ./millrace dead-letters reset-breaker --consumer orders.on_payment_events --execute
        """,
    )
)


@application.command("show")
def show(
    letter: Annotated[str, typer.Argument(help="Its place: topic:partition:offset.")],
    *,
    as_json: options.AsJson = False,
    stage: options.Stage = None,
    profile: options.Profile = None,
) -> None:
    """Show one dead letter whole, decoded, with the place of its original.

    Example: ./millrace dead-letters show order-events-payments-dlq:0:17
    """
    target = Target.of(stage, profile)
    found = operating.ask(target, operations.find("operations.show_dead_letter"), {"letter": letter})
    operating.emit(found, _show_letter, as_json=as_json)


application.command("export")(
    operating.saving(
        "operations.export_dead_letters",
        """Write dead letters into a file, a line of JSON each, in the envelope that Lenses' connectors use.

        Example: ./millrace dead-letters export --group 1f2e3d4c --output letters.jsonl
        """,
    )
)
