"""The audit: who changed what, when, why, and how much of it. Rows are added and never changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Json

from kernel.storage.database import Connection


class Entry(NamedTuple):
    """*options*: of the command. *counts*: what it changed, by its own words."""

    at: datetime
    who: str
    command: str
    options: dict[str, Any]
    reason: str | None
    task_id: UUID | None
    counts: dict[str, Any]


class NewEntry(NamedTuple):
    who: str
    command: str
    options: Mapping[str, Any]
    reason: str | None
    counts: Mapping[str, Any]
    task_id: UUID | None = None


def add(connection: Connection, new: NewEntry) -> None:
    """Keep an entry, in the caller's transaction."""
    connection.execute(
        "INSERT INTO audit (who, command, options, reason, task_id, counts) VALUES (%s, %s, %s, %s, %s, %s)",
        (new.who, new.command, Json(new.options), new.reason, new.task_id, Json(new.counts)),
    )


def newest(connection: Connection, since: datetime | None, most: int) -> list[Entry]:
    found = connection.execute(
        """
        SELECT at, who, command, options, reason, task_id, counts FROM audit
        WHERE at >= coalesce(%s, '-infinity'::timestamptz) ORDER BY id DESC LIMIT %s
        """,
        (since, most),
    )
    return [Entry(*row) for row in found]
