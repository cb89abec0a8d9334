"""`./millrace audit`: what operators changed."""

import json
from typing import Any

from millrace_local.cli import operating, tables


def _show(entries: list[dict[str, Any]]) -> None:
    rows = [
        (each["at"][:19].replace("T", " "), each["who"], each["command"], json.dumps(each["counts"]), each["reason"])
        for each in entries
    ]
    tables.show(("at (UTC)", "who", "command", "counts", "reason"), rows, empty="Nothing was changed yet.")


command = operating.reading(
    "operations.list_audit",
    _show,
    """Show who changed what, when, why, and how much of it, the newest first.

    `who` is what the command line said. On AWS, CloudTrail has who invoked the function.

    Example: ./millrace audit --since 2026-11-27T00:00:00Z
    """,
)
