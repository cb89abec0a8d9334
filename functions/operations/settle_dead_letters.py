"""Invoked by an operator: set dead letters aside, take them back, or give them up for good.

A discarded letter of an ordered consumer frees the records that are parked behind it. The audit is written first. A kill
after it leaves letters as they were, and the same command does the rest.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import accountability, audit_store, letter_store, letters, parked_letters, redriving
from operations.commands import LetterState, SettleDeadLetters
from operations.database import transaction
from operations.letters import DeadLetter, Wanted

CHUNK = 1_000
# Which letters each action takes.
TAKEN: dict[str, tuple[LetterState, ...]] = {
    "archive": ("waiting", "parked"),
    "restore": ("archived",),
    "discard": ("waiting", "parked", "archived"),
}


@operation(SettleDeadLetters)
def handler(command: SettleDeadLetters, _run: Run[None]) -> Iterator[Progress[None]]:
    if command.execute and command.action == "discard":
        accountability.require_reason(command.reason)
    until = command.until or datetime.now(UTC)
    with TopicLog() as log:
        everything = letters.read_all(log, Wanted(command, command.max_redrives, command.letter))
    taken = [each for each in everything if each.chosen and each.state in TAKEN[command.action]][: command.max]
    plan = redriving.plan_of(taken, until.isoformat())
    plan.require(command.expect)
    if not command.execute:
        yield Progress(0, len(taken), result=plan.result(0))
        return
    _audit(command, len(taken))
    for start in range(0, len(taken), CHUNK):
        _settle(command.action, taken[start : start + CHUNK])
    yield Progress(len(taken), len(taken), result={"state": "done", "changed": len(taken)})


def _settle(action: str, several: list[DeadLetter]) -> None:
    if action == "discard":
        parked_letters.free(several)
    places = [each.place for each in several]
    with transaction() as connection:
        if action == "restore":
            letter_store.restore(connection, places)
        else:
            letter_store.put(connection, places, "archived" if action == "archive" else "discarded")


def _audit(command: SettleDeadLetters, count: int) -> None:
    who, given = accountability.name_of(command.who), msgspec.to_builtins(command)
    entry = audit_store.NewEntry(who, f"dead-letters {command.action}", given, command.reason, {"letters": count})
    with transaction() as connection:
        audit_store.add(connection, entry)
