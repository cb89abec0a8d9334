"""Invoked by an operator: return dead letters as lines in the envelope of Lenses, part by part.

The cursor counts the letters that were returned. A letter that comes meanwhile is sorted in, so the end of the time
range is fixed at the first part.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import Struct, structs

from kernel.messaging import envelope
from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import letters
from operations.commands import ExportDeadLetters
from operations.letter_store import Place
from operations.letters import Wanted

PART_SECONDS = 45
# An answer has 6 MB at most, and JSON within JSON takes more than its bytes.
PART_BYTES = 2_000_000


class At(Struct, frozen=True):
    """*done*: how many were returned. *until*: the end of the time range."""

    done: int
    until: datetime


@operation(ExportDeadLetters, cursor=At, part_seconds=PART_SECONDS)
def handler(command: ExportDeadLetters, run: Run[At]) -> Iterator[Progress[At]]:
    at = run.cursor or At(0, command.until or datetime.now(UTC))
    with TopicLog() as log:
        everything = letters.read_all(log, Wanted(structs.replace(command, until=at.until), command.max_redrives))
        found = letters.chosen_in(everything, command.state, command.max)
        size, part = 0, list[Place]()
        for each in found[at.done :]:
            size += each.size
            if part and size > PART_BYTES:
                break
            part.append(each.place)
        records = letters.read_at(log, set(part))
    done = at.done + len(part)
    lines = [envelope.encode(records[place]).decode() for place in part if place in records]
    yield Progress(done, len(found), At(done, at.until) if done < len(found) else None, {"lines": lines})
