"""Ask many servers at once, and wait for none of them longer than for a given time."""

from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic


class NoAnswerError(Exception):
    """What was asked has not answered in time; the message says how long it was waited for."""


def ask[Name, Answer](questions: Mapping[Name, Callable[[], Answer]], seconds: float) -> dict[Name, Answer | Exception]:
    """Call every question in a thread of its own.

    Each is answered by its result, by what it raised, or after *seconds* by a NoAnswerError. A thread that hangs is
    left behind; it ends with the process at the latest.
    """
    answers: SimpleQueue[tuple[Name, Answer | Exception]] = SimpleQueue()

    def answer(name: Name, question: Callable[[], Answer]) -> None:
        try:
            answers.put((name, question()))
        except Exception as error:  # noqa: BLE001 - it is the answer
            answers.put((name, error))

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
    late = NoAnswerError(f"It does not answer: {seconds:.1f} s were waited for.")
    return {name: found.get(name, late) for name in questions}
