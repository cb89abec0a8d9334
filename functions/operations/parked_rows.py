"""Parked rows: what the outboxes hold that no retry can publish, until an operator decides about it."""

from collections.abc import Iterator
from typing import NamedTuple

from kernel import settings
from kernel.errors import FieldProblem, refuse_fields
from kernel.messaging.log_record import LogRecord
from kernel.messaging.outbox import decode_headers
from kernel.storage import database
from operations.commands import Selection
from operations.plans import Plan
from operations.selection import Choice, refuse_group, type_of

# Of a record that is on no topic.
NOWHERE = -1


class ParkedRow(NamedTuple):
    """A row, and the record that it would be. *record*: its offset is the row's id, its time the row's."""

    domain: str
    record: LogRecord
    reason: str


def domains(chosen: str | None) -> list[str]:
    """Return the domains whose outboxes are meant. Raises InvalidError for one that does not exist."""
    known = settings.names("DOMAINS")
    if chosen is None:
        return list(known)
    if chosen not in known:
        refuse_fields([FieldProblem("domain", f"there is no domain {chosen}; there are {', '.join(known)}")])
    return [chosen]


def chosen(selection: Selection, domain: str | None) -> list[ParkedRow]:
    """Return the rows that *selection* chooses, the oldest first within each domain.

    *domain*: only of this one; None for all of them.
    """
    refuse_group(selection)
    choice = Choice(selection)
    found = (row for each in domains(domain) for row in _parked(each))
    rows = [row for row in found if selection.topic in {None, row.record.topic} and choice.has(row.record)]
    return rows[: selection.max]


def plan_of(rows: list[ParkedRow], until: str) -> Plan:
    plan = Plan(until)
    for row in rows:
        record = row.record
        cause = row.reason.partition("(")[0]
        plan.add(topic=record.topic, type=type_of(record), key=record.key, timestamp=record.timestamp, cause=cause)
    return plan


def _parked(domain: str) -> Iterator[ParkedRow]:
    with database.transaction(domain, "relay") as connection:
        found = connection.execute(
            """
            SELECT id, topic, (extract(epoch FROM created_at) * 1000)::bigint, key, value, headers::text, parked_reason
            FROM outbox WHERE parked_at IS NOT NULL AND published_at IS NULL ORDER BY id
            """
        ).fetchall()
    for id_, topic, created, key, value, headers, reason in found:
        record = LogRecord(topic, NOWHERE, id_, created, key, value, list(decode_headers(headers)))
        yield ParkedRow(domain, record, reason or "")
