"""Decide when a batch is due and which records it has (B1 to B8, C2).

A batch is due when one partition fills it, when all idle partitions together fill it, or when a window ends. A partition
that fills a batch is sent alone, so that backlogs of several partitions are processed concurrently. Partitions with few
records are merged, those that wait longest first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from millrace_plugin.kafka_trigger.partition import Partition
from millrace_plugin.kafka_trigger.payload import MAXIMUM_EVENT_BYTES, Envelope, record_size


@dataclass(frozen=True)
class Batcher:
    envelope: Envelope
    batch_size: int
    window_seconds: float
    maximum_bytes: int = MAXIMUM_EVENT_BYTES

    def due(self, idle: Sequence[Partition], now: float) -> list[tuple[Partition, int]]:
        """Return the partitions of the next batch with the number of records of each. Empty if none is due.

        idle: the partitions whose waiting records may be sent.
        now: in seconds, in the clock of `Partition.window_start`.
        """
        full = next((partition for partition in idle if self._fills(partition)), None)
        if full:
            return self._fill((full,))
        if idle and (self._fill_together(idle) or self.window_end(idle) <= now):
            return self._fill(sorted(idle, key=lambda partition: partition.window_start))
        return []

    def window_end(self, idle: Iterable[Partition]) -> float:
        """Return when the first window of these partitions ends, in the clock of `Partition.window_start`."""
        return min(partition.window_start for partition in idle) + self.window_seconds

    def oversized(self, partition: Partition) -> bool:
        """Return whether the partition's first waiting record fits no event (B8)."""
        return self._room(partition) < record_size(partition.waiting[0])

    def _fills(self, partition: Partition) -> bool:
        return len(partition.waiting) >= self.batch_size or partition.waiting_size > self._room(partition)

    def _fill_together(self, idle: Sequence[Partition]) -> bool:
        records = sum(len(partition.waiting) for partition in idle)
        size = sum(self.envelope.partition_size(partition.number) + partition.waiting_size for partition in idle)
        return records >= self.batch_size or self.envelope.base_size + size > self.maximum_bytes

    def _fill(self, partitions: Iterable[Partition]) -> list[tuple[Partition, int]]:
        batch = []
        records, room = self.batch_size, self.maximum_bytes - self.envelope.base_size
        for partition in partitions:
            room -= self.envelope.partition_size(partition.number)
            count = 0
            for record in partition.waiting:
                if count == records or record_size(record) > room:
                    break
                count += 1
                room -= record_size(record)
            if count:
                batch.append((partition, count))
                records -= count
            else:
                room += self.envelope.partition_size(partition.number)
        return batch

    def _room(self, partition: Partition) -> int:
        return self.maximum_bytes - self.envelope.base_size - self.envelope.partition_size(partition.number)
