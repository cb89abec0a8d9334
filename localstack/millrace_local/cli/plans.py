"""Print the plan of a command that changes something: what it would do, before it does it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from millrace_local.cli import tables
from millrace_local.cli.output import console

MINUTES_FROM = 120  # seconds


def show(plan: Mapping[str, Any]) -> None:
    """Print what is chosen, by topic, type, cause and key, and what an operator should know before."""
    conflicts = plan["conflicts"]
    tables.show_fields(
        [
            ("records", plan["count"]),
            ("topics", _counts(plan["topics"])),
            ("types", _counts(plan["types"])),
            ("causes", _counts(plan["causes"])),
            ("keys", _keys(plan["keys"])),
            ("oldest", _time(plan["oldest"])),
            ("newest", _time(plan["newest"])),
            ("to", plan.get("to")),
            ("for", ", ".join(plan.get("consumers", []))),
            ("not for", ", ".join(plan.get("ignored_by", []))),
            ("conflicts", f"{conflicts['count']} keys: {', '.join(conflicts['keys'])}" if conflicts["count"] else None),
            ("takes about", _duration(plan["expected_seconds"])),
        ]
    )
    for note in plan["notes"]:
        console.print(f"Note: {note}", markup=False, soft_wrap=True)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{name} ({count})" for name, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    )


def _keys(keys: Mapping[str, Any]) -> str:
    most = _counts(keys["most"])
    return f"{keys['different']} different; most: {most}" if most else ""


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _duration(seconds: float) -> str | None:
    if not seconds:
        return None
    return f"{seconds:g} s" if seconds < MINUTES_FROM else f"{seconds / 60:.0f} min"
