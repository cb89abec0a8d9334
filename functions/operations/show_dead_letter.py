"""Invoked by an operator: show one dead letter whole, decoded, with the place of its original."""

from collections.abc import Iterator

import msgspec

from kernel.messaging import foreign_dead_letters
from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import letters, selection
from operations.commands import ShowDeadLetter


@operation(ShowDeadLetter)
def handler(command: ShowDeadLetter, _run: Run[None]) -> Iterator[Progress[None]]:
    with TopicLog() as log:
        record = letters.read_one(log, command.letter)
    letter, original = foreign_dead_letters.read(record), foreign_dead_letters.original(record) or record
    told = {**selection.document(original), "letter": command.letter, "why": msgspec.to_builtins(letter._asdict())}
    yield Progress(1, 1, result=told)
