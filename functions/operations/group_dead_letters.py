"""Invoked by an operator: count dead letters by their cause, so that a thousand of them read as three mistakes."""

from collections.abc import Iterator
from typing import Any

from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import letters
from operations.commands import GroupDeadLetters
from operations.letters import DeadLetter, Wanted


@operation(GroupDeadLetters)
def handler(command: GroupDeadLetters, _run: Run[None]) -> Iterator[Progress[None]]:
    with TopicLog() as log:
        everything = letters.read_all(log, Wanted(command, command.max_redrives))
    found = letters.chosen_in(everything, command.state, command.max)
    groups: dict[tuple[str | None, str | None], list[DeadLetter]] = {}
    for each in found:
        groups.setdefault((each.letter.fingerprint, each.letter.consumer), []).append(each)
    largest = sorted(groups.values(), key=len, reverse=True)
    yield Progress(len(found), len(found), result={"count": len(found), "groups": list(map(_told, largest))})


def _told(several: list[DeadLetter]) -> dict[str, Any]:
    """Return a group: its cause, how many letters it has, the first and last, and the newest one as an example."""
    times = [each.place.timestamp for each in several]
    example = max(several, key=lambda each: (each.place.timestamp, each.place.offset))
    letter = example.letter
    return {
        "group": letter.fingerprint,
        "count": len(several),
        "consumer": letter.consumer,
        "error": letter.error_class,
        "where": letter.where,
        "message": letter.error_message,
        "types": sorted({each.type or "unknown" for each in several}),
        "keys": len({each.key for each in several}),
        "first": min(times),
        "last": max(times),
        "example": example.name,
    }
