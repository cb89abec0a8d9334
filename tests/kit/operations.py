"""Operations as an operator runs them: to the end, or one part at a time."""

from typing import Any

from kernel.operations.operation import Operation
from operations.consumers import Consumer
from tests.kit.lambda_events import Context

LONGEST = 900_000


def known(name: str, topic: str, group: str) -> Consumer:
    """Return a consumer as the application's list has it."""
    return Consumer(
        name=name,
        function="Function",
        topic=topic,
        group=group,
        dead_letter_topic=f"{topic}-dlq",
        types=[],
        together=True,
        generation=1,
        ignores_replays=False,
        idempotent_without_inbox=False,
    )


def run(operation: Operation[Any, Any], **command: object) -> Any:  # noqa: ANN401 - each operation's own
    """Run *operation* in one invocation. Returns its result."""
    answer = operation(command, Context(milliseconds=LONGEST))
    assert answer["error"] is None, answer["error"]
    assert answer["next"] is None, answer
    return answer["result"]


def finish(operation: Operation[Any, Any], cursor: object) -> Any:  # noqa: ANN401 - each operation's own
    """Carry on *operation* from *cursor* to its end, in one invocation. Returns its result."""
    answer = operation({"cursor": cursor}, Context(milliseconds=LONGEST))
    assert answer["error"] is None, answer["error"]
    assert answer["next"] is None, answer
    return answer["result"]


def part(operation: Operation[Any, Any], cursor: object = None, **command: object) -> dict[str, Any]:
    """Run the next part of *operation*, which begins at *cursor*. Returns the answer."""
    payload = {"cursor": cursor} if cursor else command
    return operation({**payload, "seconds": 0}, Context(milliseconds=LONGEST))
