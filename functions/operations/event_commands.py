"""What an operator can ask about events, and how they are published by hand. `operations.commands` has the other commands."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from operations.commands import Selection, Text, Time

type Id = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$(?!\n)")]


class TraceEvent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Show the whole way of one event, or of all events of one request.

    *id*: of the event (ce_id), a correlation id, or the X-Request-Id of an answer.
    *since*: look from this time on; not needed for a UUID of version 7, which has it.
    *until*: look before this time.
    *rows*: show the rows as they are now, and not only their keys (local cloud only).
    """

    id: Id
    since: Time | None = None
    until: Time | None = None
    rows: bool = False


class FindEvents(Selection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Find records in topics.

    *topic*: of this topic; a dead-letter topic as well. All topics of events if not given.
    *max*: at most so many.
    *id*: of the event with this id; a UUID of version 7 is looked for from its own time on.
    *correlation*: of events with this correlation id, which all events of a request have.
    *newest*: the newest first.
    *dead_letters*: search the dead-letter topics too.
    *source*: search the topics, or their archive.
    *offsets*: only these of the topic, first-last by partition, e.g. 0:100-199,1:50-.
    *after*: only what comes after these positions of the topic, e.g. 0:100,1:95, or after its present end: `end`.
    """

    id: Id | None = None
    correlation: Id | None = None
    newest: bool = False
    dead_letters: bool = False
    source: Literal["topic", "archive"] = "topic"
    offsets: Text | None = None
    after: Text | None = None


class ProduceEvents(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Publish records to a topic, in their order.

    *topic*: one of the application's topics of events.
    *lines*: the records as lines of JSON, as `events find --json` prints them; headers and metadata may be left out.
    *key*: of a single record.
    *value*: of a single record.
    *type*: of a single event, e.g. OrderCreated: it gets the headers of an event, with a new id.
    *header*: of a single record, name=value.
    *unchecked*: publish what its consumers would refuse as well.
    *execute*: do it; without this, only the plan is returned.
    *expect*: how many the plan counted; nothing is done if it counts otherwise by now.
    *reason*: why, for the audit; required on AWS.
    *who*: by whom, for the audit; the command line fills it in.
    """

    topic: Text
    lines: Annotated[list[str], Meta(max_length=5_000)] = []
    key: str | None = None
    value: str | None = None
    type: Text | None = None
    header: list[str] = []
    unchecked: bool = False
    execute: bool = False
    expect: Annotated[int, Meta(ge=0)] | None = None
    reason: Text | None = None
    who: Text | None = None
