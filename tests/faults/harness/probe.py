"""The functions of the rig's domain `probe`, on the product's kernel and in Lambda's processes: a command, a consumer
of each style, a relay.

They die by SIGKILL at a certain point if a file of its name is in the folder TRIGGERS: only one of them can take it.
"""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from kernel import settings
from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.event import Event
from kernel.messaging import consumer, outbox, relay, unpublished
from kernel.messaging.unpublished import Row
from kernel.storage.database import Connection, transaction
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from tests.faults.harness.probe_events import STILL_BAD

DOMAIN = "probe"
# While the folder TRIGGERS has this file, no event can be applied: a bad release of the consumer is deployed.
BROKEN = "release is broken"
# With this one, those can that were still bad.
MENDED = "release is mended"


class Noted(Event, frozen=True, kw_only=True, tag_field="type", tag="noted"):
    """A client's command was executed. *sequence*: its number among those of the account."""

    topic: ClassVar[str] = os.environ.get("PROBE_TOPIC", "probe-events")
    key: ClassVar[str] = "account"
    source: ClassVar[str] = "/probe"

    event_id: UUID
    account: str
    sequence: int
    padding: str = ""


class Note(Struct, frozen=True, forbid_unknown_fields=True):
    id: UUID
    account: str
    sequence: int
    padding: str = ""


class Done(Struct, frozen=True):
    id: UUID


def die_at(point: str, events: int = 1) -> None:
    """End this process, as an execution environment's host may, if somebody wants it at *point*.

    *events*: how many of them the process was at work on, which is kept in a file beside.
    """
    wanted = Path(os.environ["TRIGGERS"], point)
    try:
        wanted.unlink()
    except FileNotFoundError:
        return
    with wanted.with_suffix(".deaths").open("a") as deaths:
        deaths.write(f"{events}\n")
    os.kill(os.getpid(), signal.SIGKILL)


def _record(request: Request[Note]) -> Done:
    note = request.body
    with transaction(DOMAIN) as connection:
        connection.execute("INSERT INTO commands (id) VALUES (%s)", (note.id,))
        event = Noted(event_id=note.id, account=note.account, sequence=note.sequence, padding=note.padding)
        outbox.add(connection, event)
        die_at("command before commit")
    return Done(note.id)


_endpoint = replace(endpoint(rate="none", idempotent=True)(_record), domain=DOMAIN)


def record(event: dict[str, object], context: object) -> object:
    """Answer POST /probe. The transaction that holds the Idempotency-Key has committed when the endpoint returns."""
    response = _endpoint(event, context)  # type: ignore[arg-type] # Lambda's own
    die_at("command after commit")
    return response


def _apply_many(connection: Connection, events: list[Noted]) -> None:
    if any(event.account == "bug" for event in events) or Path(os.environ["TRIGGERS"], BROKEN).exists():
        raise RuntimeError("a bug of the handler")
    if any(event.padding == STILL_BAD for event in events) and not Path(os.environ["TRIGGERS"], MENDED).exists():
        raise ValueError("a bug of the handler that the release before had as well")
    connection.execute(
        """
        INSERT INTO effects (event_id, account, sequence, clock)
        SELECT *, to_timestamp(%b) FROM unnest(%b::uuid[], %b::text[], %b::int[])
        """,
        (
            time.time(),
            [event.event_id for event in events],
            [event.account for event in events],
            [event.sequence for event in events],
        ),
    )
    time.sleep(float(os.environ.get("SECONDS_PER_EVENT", "0")) * len(events))
    die_at("consumer before commit")


def _after_commit(_context: object) -> None:
    die_at("consumer after commit")


consume_batch = replace(consumer.batch(Noted, after=_after_commit)(_apply_many), domain=DOMAIN)
consume_each = replace(
    consumer.each(Noted, after=_after_commit)(lambda connection, event: _apply_many(connection, [event])),
    domain=DOMAIN,
)

consume_ordered = replace(
    consumer.each(Noted, ordered=True)(lambda connection, event: _apply_many(connection, [event])), domain=DOMAIN
)


def _send(connection: Connection, events: list[Noted]) -> None:
    """Note what would be sent by e-mail: the effect of a consumer that ignores replays."""
    connection.execute("INSERT INTO sendings SELECT unnest(%b::uuid[])", ([event.event_id for event in events],))


send = replace(consumer.batch(Noted, ignores_replays=True)(_send), domain=DOMAIN)

_mark_published = unpublished.mark_published


def _die_or_mark_published(connection: Connection, rows: list[Row]) -> None:
    if rows:
        die_at("relay after publishing", len(rows))
    _mark_published(connection, rows)


unpublished.mark_published = _die_or_mark_published


def publish_events(_event: object, context: LambdaContext) -> dict[str, int]:
    """Publish the outbox as long as the schedule's relays do."""
    limit = context.get_remaining_time_in_millis() / 1000 - relay.RESERVE_SECONDS
    return relay.publish(DOMAIN, settings.Relay.from_environment().seconds, limit)._asdict()
