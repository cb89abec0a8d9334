"""Say in one sentence what a mapping does, or why it does nothing, and which command mends it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from millrace_local.mappings.place import Place
from millrace_plugin.kafka_trigger.conditions import Condition
from millrace_plugin.status.structures import Mapping

HEALTHY = {"idle", "unknown", "filtered", "invoking", "window_open", "reading", "starting", "joining", "stopping"}
"""Causes in which nothing has to be mended: it works, or waits for what comes by itself."""
PATIENCE_SECONDS = 120
"""After so long, what should have come by itself is wrong."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a mapping does what it does."""

    uuid: str
    name: str
    """Its function's path (`blogs.on_user_events`), or the function's name."""
    topic: str
    group: str
    cause: str
    wrong: bool
    sentence: str
    command: str | None
    """What mends it, or shows more. None if there is nothing to mend."""


SEEK = re.compile(r"for a seek to (.+) by ")

type Words = tuple[str, str | None]


def explain(mapping: Mapping, place: Place) -> Explanation:
    """Return the explanation of *mapping* from its first condition."""
    condition = mapping.conditions[0] if mapping.conditions else Condition(cause="unknown")
    sentence, command = _WORDS[condition.cause](condition, mapping, place)
    return Explanation(
        uuid=mapping.uuid,
        name=place.name(mapping),
        topic=mapping.topic,
        group=mapping.group,
        cause=condition.cause,
        wrong=condition.cause not in HEALTHY or _takes_too_long(condition),
        sentence=sentence,
        command=command,
    )


def without_localstack(place: Place, reason: str) -> Explanation:
    """Return the explanation of all mappings of a local cloud whose LocalStack does not answer."""
    sentence = f"LocalStack does not answer, so no topic is read and no function runs: {reason.rstrip('.')}."
    address = place.instance.localstack_url
    return Explanation(
        uuid="",
        name="all mappings",
        topic="",
        group="",
        cause="localstack_down",
        wrong=True,
        sentence=sentence,
        command=f"./millrace up  # starts it at {address}",
    )


def _takes_too_long(condition: Condition) -> bool:
    if condition.cause not in {"starting", "joining", "stopping"} or condition.since is None:
        return False
    return (datetime.now(UTC) - condition.since).total_seconds() > PATIENCE_SECONDS


def _stopping(condition: Condition, mapping: Mapping, place: Place) -> Words:
    what = "deleted" if mapping.state == "Deleting" else "paused"
    return f"It is being {what}{_since(condition)}: its last invocation has to end first.", place.logs(mapping)


def _disabled(condition: Condition, mapping: Mapping, place: Place) -> Words:
    note = condition.detail or ""
    by = f" {note}" if note.startswith(("by ", "for ")) else ""
    if seek := SEEK.match(note):
        told = f"It is paused{_since(condition)}{by}, which did not end."
        return told, f"{place.command('seek', mapping)} --to {seek[1].replace(' ', ',')} --execute"
    return f"It is paused{_since(condition)}{by}, so it reads nothing.", place.command("resume", mapping)


def _no_broker(condition: Condition, mapping: Mapping, place: Place) -> Words:
    where = mapping.bootstrap or "the cluster"
    mended = "./millrace up" if place.is_local else "aws kafka list-clusters-v2"
    return f"No broker answers at {where}{_since(condition)}.", mended


def _topic_missing(condition: Condition, mapping: Mapping, place: Place) -> Words:
    mended = "./millrace down && ./millrace up" if place.is_local else "aws kafka list-topics"
    return f"There is no topic {mapping.topic}{_since(condition)}.", mended


def _group_differs(condition: Condition, mapping: Mapping, place: Place) -> Words:
    return f"It cannot join its group{_since(condition)}: {_detail(condition)}", place.clients(mapping)


def _source_failed(condition: Condition, mapping: Mapping, place: Place) -> Words:
    return f"It cannot read {mapping.topic}{_since(condition)}: {_detail(condition)}", place.logs_of_trigger(mapping)


def _function_missing(condition: Condition, mapping: Mapping, place: Place) -> Words:
    more = f": {condition.detail}" if condition.detail else ""
    return f"Its function {mapping.function} does not exist{more}.", place.restored()


def _function_failed(condition: Condition, mapping: Mapping, place: Place) -> Words:
    return f"Its function {mapping.function} could not be created: {_detail(condition)}", place.deployed()


def _function_pending(condition: Condition, mapping: Mapping, place: Place) -> Words:
    return f"Its function {mapping.function} is still being created ({_reason(condition)}).", place.deployed()


def _concurrency_zero(_condition: Condition, mapping: Mapping, place: Place) -> Words:
    return (
        f"The reserved concurrency of {mapping.function} is 0, so Lambda refuses every invocation.",
        place.aws(f"lambda delete-function-concurrency --function-name {_function_name(mapping)}"),
    )


def _refused(condition: Condition, mapping: Mapping, place: Place) -> Words:
    told = f"Lambda refuses to invoke {mapping.function}{_since(condition)}{_attempt(condition)}: {_detail(condition)}"
    return told, place.aws(f"lambda get-function-configuration --function-name {_function_name(mapping)}")


def _throttled(condition: Condition, mapping: Mapping, place: Place) -> Words:
    told = f"Lambda takes fewer invocations of {mapping.function} than it could use: {_detail(condition)}"
    return told, place.aws(f"lambda get-function-concurrency --function-name {_function_name(mapping)}")


def _destination_refuses(condition: Condition, mapping: Mapping, place: Place) -> Words:
    told = (
        f"Its on-failure destination refuses {_where(condition)}{_since(condition)}{_attempt(condition)}:"
        f" {_detail(condition)}"
    )
    return told, place.aws(f"lambda get-event-source-mapping --uuid {mapping.uuid}")


def _import_failed(condition: Condition, _mapping: Mapping, place: Place) -> Words:
    where = f" {_where(condition)}" if condition.offset is not None else " its records"
    told = (
        f"Its function fails at import, so{where} waits{_since(condition)}{_attempt(condition)}: {_detail(condition)}"
    )
    return told, place.deployed()


def _breaker_open(condition: Condition, mapping: Mapping, place: Place) -> Words:
    waits = f", and {_where(condition)} waits{_since(condition)}" if condition.offset is not None else ""
    told = (
        f"The breaker of {mapping.group} is open{waits}: too many records in a row failed for good, and nothing more is"
        " dead-lettered until one succeeds."
    )
    return told, place.deployed()


def _retrying(condition: Condition, mapping: Mapping, place: Place) -> Words:
    if condition.offset is None:
        return f"Its function fails, and Lambda does not tell with which record: {_detail(condition)}", place.logs(
            mapping
        )
    why = f": {_detail(condition)}" if condition.detail else ", returned by the function, whose log says why."
    return f"It retries {_where(condition)}{_since(condition)}{_attempt(condition)}{why}", place.logs(mapping)


def _partitions_held(condition: Condition, mapping: Mapping, place: Place) -> Words:
    names = ", ".join(
        f"{each.client_id} at {each.host} (partitions {', '.join(map(str, each.partitions))})"
        for each in condition.members
    )
    told = f"{condition.records} of {condition.total} partitions belong to another member of group {mapping.group}: {names}."
    return told, place.clients(mapping)


def _starting(condition: Condition, mapping: Mapping, place: Place) -> Words:
    return f"It is starting{_since(condition)} ({mapping.state}).", place.command("explain", mapping)


def _joining(condition: Condition, mapping: Mapping, place: Place) -> Words:
    told = f"It waits for its group {mapping.group} to assign partitions{_since(condition)}."
    return told, place.command("explain", mapping)


def _dropped(condition: Condition, mapping: Mapping, place: Place) -> Words:
    return f"It goes on, but has lost records: {_detail(condition)}", place.logs_of_trigger(mapping)


def _invoking(condition: Condition, mapping: Mapping, _place: Place) -> Words:
    return f"It works: {mapping.function} has {condition.records} records{_since(condition)}.", None


def _window_open(condition: Condition, _mapping: Mapping, _place: Place) -> Words:
    ends = f" and ends in {condition.next_seconds:g} s" if condition.next_seconds else ""
    told = (
        f"{condition.records} records wait for its window of {condition.window_seconds:g} s, which is not full{ends}."
    )
    return told, None


def _reading(condition: Condition, mapping: Mapping, _place: Place) -> Words:
    return f"It reads {mapping.topic}: {condition.records} records are left.", None


def _filtered(condition: Condition, mapping: Mapping, _place: Place) -> Words:
    told = f"Its filter dropped all {condition.total} records that it has read of {mapping.topic}, which it has read to the end."
    return told, None


def _idle(_condition: Condition, mapping: Mapping, _place: Place) -> Words:
    return f"It has read {mapping.topic} to the end (lag 0) and waits for new records.", None


def _unknown(condition: Condition, mapping: Mapping, place: Place) -> Words:
    told = f"Nothing is known to be wrong; {condition.detail or 'what it does is unknown'}."
    return told, place.logs(mapping)


def _function_name(mapping: Mapping) -> str:
    return mapping.function_arn.split(":function:")[-1]


def _where(condition: Condition) -> str:
    return f"offset {condition.offset} of partition {condition.partition}"


def _since(condition: Condition) -> str:
    return f" since {condition.since.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if condition.since else ""


def _attempt(condition: Condition) -> str:
    if not condition.attempts:
        return ""
    coming = f", next in {condition.next_seconds:g} s" if condition.next_seconds else ""
    return f" (attempt {condition.attempts}{coming})"


def _reason(condition: Condition) -> str:
    return (condition.detail or "no reason is given").rstrip(".")


def _detail(condition: Condition) -> str:
    return f"{_reason(condition)}."


_WORDS: dict[str, Callable[[Condition, Mapping, Place], Words]] = {
    "stopping": _stopping,
    "disabled": _disabled,
    "no_broker": _no_broker,
    "topic_missing": _topic_missing,
    "group_differs": _group_differs,
    "source_failed": _source_failed,
    "function_missing": _function_missing,
    "function_failed": _function_failed,
    "function_pending": _function_pending,
    "concurrency_zero": _concurrency_zero,
    "refused": _refused,
    "destination_refuses": _destination_refuses,
    "import_failed": _import_failed,
    "breaker_open": _breaker_open,
    "retrying": _retrying,
    "partitions_held": _partitions_held,
    "starting": _starting,
    "joining": _joining,
    "dropped": _dropped,
    "throttled": _throttled,
    "invoking": _invoking,
    "window_open": _window_open,
    "reading": _reading,
    "filtered": _filtered,
    "idle": _idle,
    "unknown": _unknown,
}
