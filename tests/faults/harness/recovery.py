"""How long the system took to recover, as a pure function of what happened when."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence


def longest(applied: Mapping[str, float], acknowledged: Mapping[str, float], healings: Sequence[float]) -> float:
    """Return the longest time from a healing until an event that was acknowledged before it had taken effect.

    It counts from the last healing before the effect, as the next fault may come before everything has recovered.

    *applied*, *acknowledged*: when each event was, by its id.
    """
    moments = sorted(healings)
    waited = [0.0]
    for id_, moment in applied.items():
        before = bisect_right(moments, moment)
        if before and acknowledged.get(id_, moment) <= moments[before - 1]:
            waited.append(moment - moments[before - 1])
    return max(waited)
