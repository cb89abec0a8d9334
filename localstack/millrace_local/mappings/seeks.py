"""Move a mapping's group to other offsets: pause, wait until the group is empty, move, resume.

Killed anywhere in between, the mapping stays paused with a tag that says for which seek, so that `explain` tells it and
the same command ends it. The offsets are moved by one request, all or none.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from millrace_local import waiting
from millrace_local.deployment import operations
from millrace_local.deployment.operations import Kept
from millrace_local.mappings import pauses
from millrace_local.mappings.place import Place
from millrace_local.problems import LocalCloudError
from millrace_plugin.status.structures import Mapping

OPERATION = "operations.seek_group"
LEAVING_SECONDS = 60
"""How long the pollers of a paused mapping may stay in its group: a killed one until its session expires."""


class Move(msgspec.Struct, frozen=True, rename="camel"):
    """What becomes of one partition. *before*: None if the group has committed none."""

    partition: int
    before: int | None
    after: int
    again: int
    skipped: int


class Member(msgspec.Struct, frozen=True, rename="camel"):
    client_id: str
    host: str


class Plan(msgspec.Struct, frozen=True, rename="camel"):
    """What a seek does. *count*: records that are read again or skipped."""

    consumer: str
    group: str
    topic: str
    moves: tuple[Move, ...]
    count: int
    members: tuple[Member, ...]
    moved: bool


class SeekRefusedError(LocalCloudError):
    """Nothing was moved, and the mapping is as it was before."""


def plan(place: Place, mapping: Mapping, to: str, **more: object) -> Plan:
    """Return what moving the group to *to* does. *more*: further fields of the operation's command.

    Raises LocalCloudError for a position that is none, and for a mapping that is none of this application.
    """
    name = place.name(mapping)
    if name == mapping.function:
        message = f"{mapping.function} is no function of this application, whose groups alone can be moved."
        raise LocalCloudError(message)
    operation = operations.find(OPERATION)
    kept = Kept.of(place.instance, place.stage, operation)
    command = {"consumer": name, "to": to, **more}
    *_, last = operations.run(place.stage, operation, command, kept)
    return msgspec.convert(last["result"], Plan)


def execute(  # noqa: PLR0913, PLR0917 - what is moved, where to, who agrees and who is told
    place: Place,
    mapping: Mapping,
    to: str,
    agrees: Callable[[Plan], bool],
    told: Callable[[str], None],
    reason: str | None = None,
) -> Plan:
    """Move the group of *mapping* to *to*, and resume the mapping unless somebody had paused it before.

    *agrees*: asked with the final plan, once nothing is read any more. If not, nothing is moved.
    *told*: called with each step. *reason*: why, for the audit.

    Raises SeekRefusedError if *agrees* did not, and LocalCloudError for what failed; the mapping is resumed in both cases.
    """
    why = {"reason": reason} if reason else {}
    purpose = f"for a seek to {to.replace(',', ' ')}"
    note = pauses.note(place.stage, mapping) if mapping.state == "Disabled" else None
    stays_paused = mapping.state == "Disabled" and not (note or "").startswith("for a seek ")
    if not stays_paused:
        pauses.pause(place.stage, mapping, lambda state: told(f"pausing it: {state}"), purpose)
    try:
        told("waiting until its group is empty")
        final = _plan_of_empty_group(place, mapping, to)
        _ask(agrees, final)
        told("moving its group")
        done = plan(place, mapping, to, execute=True, expect=final.count, who=place.stage.who(), **why)
    except Exception:
        _resume(place, mapping, told, stays_paused=stays_paused)
        raise
    _resume(place, mapping, told, stays_paused=stays_paused)
    return msgspec.structs.replace(final, moved=done.moved)


def _plan_of_empty_group(place: Place, mapping: Mapping, to: str) -> Plan:
    found: list[Any] = []

    def is_empty() -> bool:
        found[:] = [plan(place, mapping, to)]
        return not found[0].members

    if not waiting.until(is_empty, LEAVING_SECONDS, pause=1):
        names = ", ".join(f"{each.client_id} at {each.host}" for each in found[0].members)
        message = f"The group {mapping.group} has other members: {names}. Stop them first: {place.clients(mapping)}"
        raise LocalCloudError(message)
    last: Plan = found[0]
    return last


def _ask(agrees: Callable[[Plan], bool], final: Plan) -> None:
    if not agrees(final):
        message = f"Nothing was moved: {final.count} records would be read again or skipped."
        raise SeekRefusedError(message)


def _resume(place: Place, mapping: Mapping, told: Callable[[str], None], *, stays_paused: bool) -> None:
    if not stays_paused:
        pauses.resume(place.stage, mapping, lambda state: told(f"resuming it: {state}"))
