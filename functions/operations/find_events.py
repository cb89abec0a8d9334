"""Invoked by an operator: find records in topics or in their archive, as lines in the envelope of Lenses, part by part."""

from collections.abc import Iterator

from msgspec import Struct

from kernel.messaging import envelope
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import finding, searching
from operations.event_commands import FindEvents
from operations.searching import Left, Search

PART_SECONDS = 60
# An answer has 6 MB at most, and JSON within JSON takes more than its bytes.
ANSWER_BYTES = 2_000_000


class At(Struct, frozen=True):
    """*left*: what is still to be read. *ends*: of everything, by place. *total*: offsets. *found*: records so far."""

    left: Left
    ends: dict[str, int]
    total: int
    found: int


@operation(FindEvents, cursor=At, part_seconds=PART_SECONDS)
def handler(command: FindEvents, run: Run[At]) -> Iterator[Progress[At]]:
    wanted = finding.Wanted(command)
    with finding.opened(command) as log:
        at = run.cursor or _first(finding.chosen(command, log), finding.ends(command, log))
        search = Search(log, searching.places(at.left), wanted.has, newest=command.newest)
        lines: list[str] = []
        size, left = 0, _size(at.left)
        while not search.is_over():
            search.read()
            for record in search.found():
                lines.append(envelope.encode(record).decode())
                size += len(lines[-1])
                if size > ANSWER_BYTES or at.found + len(lines) == command.max:
                    break
            rest, found = search.rest(), at.found + len(lines)
            if not rest or found == command.max:
                break
            if size > ANSWER_BYTES:
                run.answer_next()
            # Until every partition was read once, what was found has to wait, and a part that ended would gain nothing.
            if _size(rest) < left:
                left = _size(rest)
                yield Progress(at.total - left, at.total, At(rest, at.ends, at.total, found), {"lines": lines})
        is_whole = search.is_over()
        result = {"lines": lines, "positions": finding.positions(at.ends) if is_whole else None}
        yield Progress(at.total, at.total, result=result)


def _first(left: Left, ends: dict[str, int]) -> At:
    return At(left, ends, _size(left), 0)


def _size(left: Left) -> int:
    return sum(len(range(*offsets)) for offsets in left.values())
