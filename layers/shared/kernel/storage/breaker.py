"""Circuit breakers: while something fails again and again, it is not tried again, or not carried on.

`Breaker` protects a server and its callers. It lives in the memory of one process.
`SharedBreaker` protects a consumer's topic. It counts in the consumer's database, for all execution environments.
Both have `record_failure` and `record_success`.
"""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel.storage.database import Connection


class Breaker:
    """Opens for *seconds* at each failure. While it is open, callers leave the server alone."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.retry_at = 0.0

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self.retry_at

    def record_failure(self) -> None:
        self.retry_at = time.monotonic() + self.seconds

    def record_success(self) -> None:
        self.retry_at = 0.0


class SharedBreaker:
    """Opens after *threshold* permanent failures of *consumer* in a row. Then no more records are dead-lettered.

    Failures are counted in the transactions that dead-letter the records: rolled back with them, exact once committed.
    *In a row* follows the order of commits: that many dead letters without a committed success between them, whatever
    their partitions. Transactions that dead-letter wait for each other at the count. Those that succeed take no lock
    unless there is a count to reset.

    The threshold is stored with the count, so that readers can tell an open breaker: `failures >= threshold`. It closes
    with the next success, or by the database's function `reset_breaker`.
    """

    def __init__(self, connection: "Connection", consumer: str, threshold: int) -> None:
        self.connection = connection
        self.consumer = consumer
        self.threshold = threshold
        self.has_success = False

    def record_success(self) -> None:
        """Note that a record was applied. The next failure, or `flush`, resets the count."""
        self.has_success = True

    def record_failure(self) -> bool:
        """Count a permanent failure. Returns False, and counts nothing, if the breaker is open."""
        self.flush()
        values = {"consumer": self.consumer, "threshold": self.threshold}
        counted = self.connection.execute(
            """
            INSERT INTO breakers AS kept (consumer, failures, threshold) VALUES (%(consumer)s, 1, %(threshold)s)
            ON CONFLICT (consumer) DO UPDATE SET failures = kept.failures + 1, threshold = %(threshold)s
            WHERE kept.failures < %(threshold)s
            """,
            values,
        )
        if counted.rowcount == 0:
            self.connection.execute(
                """
                UPDATE breakers SET threshold = %(threshold)s
                WHERE consumer = %(consumer)s AND threshold IS DISTINCT FROM %(threshold)s
                """,
                values,
            )
        return counted.rowcount == 1

    def flush(self) -> None:
        """Reset the count if a record was applied since the last failure. Must be a transaction's last call."""
        if self.has_success:
            self.connection.execute(
                "UPDATE breakers SET failures = 0 WHERE consumer = %s AND failures > 0", (self.consumer,)
            )
            self.has_success = False
