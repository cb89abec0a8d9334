"""Invoked by an operator: list dead letters, with where they come from and why they failed."""

from collections.abc import Iterator

from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import letters
from operations.commands import ListDeadLetters
from operations.letters import DeadLetter, Wanted

# An answer has 6 MB at most.
MOST = 1_000


@operation(ListDeadLetters)
def handler(command: ListDeadLetters, _run: Run[None]) -> Iterator[Progress[None]]:
    with TopicLog() as log:
        everything = letters.read_all(log, Wanted(command, command.max_redrives))
    found = letters.chosen_in(everything, command.state, command.max)
    result = {"count": len(found), "letters": list(map(_told, found[:MOST]))}
    yield Progress(len(found), len(found), result=result)


def _told(each: DeadLetter) -> dict[str, object]:
    letter = each.letter
    return {
        "letter": each.name,
        "state": each.state,
        "type": each.type,
        "key": each.key and each.key.decode(errors="replace"),
        "consumer": letter.consumer,
        "error": letter.error_class,
        "message": letter.error_message,
        "where": letter.where,
        "group": letter.fingerprint,
        "original": f"{letter.topic}:{letter.partition}:{letter.offset}" if letter.topic else None,
        "failed_at": each.place.timestamp,
        "attempts": letter.attempts,
        "redrives": letter.redrive_count,
        "dialect": letter.dialect,
        "bytes": each.size,
    }
