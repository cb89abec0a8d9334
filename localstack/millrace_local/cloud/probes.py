"""Ask many servers at once, and wait for none of them longer than for a given time."""

from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic

IN_VAIN_SECONDS = 1.9
"""What fails only after so long has waited for an answer until it timed out; a refusal comes at once."""


class NoAnswerError(Exception):
    """What was asked has not answered in time; the message says how long it was waited for."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"It does not answer: {seconds:.1f} s were waited for.")


def ask[Name, Answer](questions: Mapping[Name, Callable[[], Answer]], seconds: float) -> dict[Name, Answer | Exception]:
    """Call every question in a thread of its own.

    Each is answered by its result, by what it raised, or by a NoAnswerError: after *seconds*, or when its own time
    limit ran out. A thread that hangs is left behind; it ends with the process at the latest.
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
