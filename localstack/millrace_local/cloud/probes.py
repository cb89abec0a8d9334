"""Send requests to many servers at once, each with the same time limit."""

from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic

IN_VAIN_SECONDS = 1.9
"""A request that fails after at least so long has timed out. A refused connection fails at once."""


class NoAnswerError(Exception):
    """A server has not answered in time; the message says how long the request waited."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"It does not answer within {seconds:.1f} s.")


def ask[Name, Answer](questions: Mapping[Name, Callable[[], Answer]], seconds: float) -> dict[Name, Answer | Exception]:
    """Call every question in a thread of its own. Returns the result or the error of each.

    The error is a NoAnswerError after *seconds*, or if the question's own time limit has passed. A thread that hangs
    is left behind; it ends with the process at the latest.
    """
    answers: SimpleQueue[tuple[Name, Answer | Exception]] = SimpleQueue()

    def answer(name: Name, question: Callable[[], Answer]) -> None:
        began = monotonic()
        try:
            answers.put((name, question()))
        except Exception as error:  # noqa: BLE001 - it is the answer
            waited = monotonic() - began
            answers.put((name, NoAnswerError(waited) if waited >= IN_VAIN_SECONDS else error))

    for each in questions.items():
        Thread(target=answer, args=each, daemon=True).start()
    found: dict[Name, Answer | Exception] = {}
    deadline = monotonic() + seconds
    try:
        while len(found) < len(questions):
            name, result = answers.get(timeout=max(0.001, deadline - monotonic()))
            found[name] = result
    except Empty:
        pass
    late = NoAnswerError(seconds)
    return {name: found.get(name, late) for name in questions}
