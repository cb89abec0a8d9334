"""Keep which partitions a mapping owns, and those it released that the group may assign to it again (C10).

It has no lock of its own. The dispatcher holds its lock around every call.
"""

from collections.abc import Mapping

from millrace_plugin.kafka_trigger.accounting import Accounting
from millrace_plugin.kafka_trigger.partition import Partition


class Ownership:
    def __init__(self, accounting: Accounting) -> None:
        self._accounting = accounting
        self.owned: dict[int, Partition] = {}
        """By number, sorted by their turn: the one served last is the last."""
        self._released: dict[int, Partition] = {}
        """Released partitions until the next assignment."""

    def assign(self, offsets: Mapping[int, int]) -> dict[int, int]:
        """Own the partitions of *offsets*, which holds their next offsets. Returns from where to read each.

        A released partition that is assigned again keeps its work, unless somebody else has settled more of it
        meanwhile. The other released partitions are their new owners'.
        """
        assigned = {}
        for number, offset in offsets.items():
            before = self._released.get(number)
            if before and offset <= before.position:
                assigned[number] = self._released.pop(number)
                self._accounting.resume(before, offset)
            else:
                assigned[number] = Partition(number, committed=offset, read_to=offset)
        self._accounting.count_returned(self._released.values())
        self._released.clear()
        self.owned |= assigned
        return {number: partition.read_to for number, partition in assigned.items()}

    def release(self) -> list[Partition]:
        """Own no partition any more, but keep the work of each for the next assignment. Returns the partitions."""
        leaving = list(self.owned.values())
        for partition in leaving:
            self._accounting.release_waiting(partition)
        self._released |= self.owned
        self.owned = {}
        return leaving

    def forget(self) -> None:
        """Own no partition any more, and ignore the results of invocations in flight."""
        self._accounting.count_returned([*self.owned.values(), *self._released.values()])
        self._released.clear()
        self.owned = {}

    def is_current(self, partition: Partition) -> bool:
        """Return whether a result of *partition* still counts: its new owner delivers the records again otherwise."""
        number = partition.number
        return self.owned.get(number) is partition or self._released.get(number) is partition

    def move_last(self, partition: Partition) -> None:
        """Let the other partitions have their turn before *partition*."""
        self.owned[partition.number] = self.owned.pop(partition.number)
