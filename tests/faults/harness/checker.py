"""The checker: one pure function over a whole history. It knows nothing of servers, faults or time."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from tests.faults.harness.history import Applied, History, Verdict


def check(history: History) -> Verdict:
    """Find every violation of the promise in *history*.

    A command that nobody acknowledged may have an effect or none, but not two. Repeats on the wire are no violation: a
    relay that is killed publishes again what it had not marked.
    """
    known = {command.id for command in history.commands}
    effects, executions = Counter(each.id for each in history.effects), Counter(history.executed)
    doubled = {id_ for counts in (effects, executions) for id_, count in counts.items() if count > 1}
    letters = Counter(history.letters)
    return Verdict(
        lost=[each.id for each in history.commands if each.acknowledged and each.id not in effects],
        doubled=sorted(doubled),
        inverted=_inverted(history.effects),
        wire_inverted=_inverted(history.wire),
        invented=sorted(effects.keys() - known),
        wrongly_dead=sorted(place for place, count in letters.items() if place not in history.poison or count > 1),
        not_dead=sorted(history.poison - letters.keys()),
        backlog=history.backlog,
        parked=history.parked - history.unpublishable,
        lag=history.lag,
    )


def inversions(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return each number that is first seen after a larger one, with that one. A number that is repeated is none."""
    largest, seen, found = -1, set[int](), []
    for number in numbers:
        if number not in seen and number < largest:
            found.append((largest, number))
        seen.add(number)
        largest = max(largest, number)
    return found


def repeats(history: History) -> int:
    """Return how many records of the wire are there once more."""
    return len(history.wire) - len({each.id for each in history.wire})


def _inverted(several: Iterable[Applied]) -> list[tuple[str, int, int]]:
    by_key: dict[str, list[int]] = defaultdict(list)
    for each in several:
        by_key[each.key].append(each.sequence)
    return [(key, *pair) for key, numbers in by_key.items() for pair in inversions(numbers)]
