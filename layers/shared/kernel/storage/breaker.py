"""The circuit breaker of a consumer: after many permanent failures in a row, nothing more is dead-lettered.

Failures are counted in the consumer's database, in the transactions that dead-letter the records, so that every
execution environment sees one count. *In a row* means in the order in which these transactions commit: so many dead
letters without the commit of a success between them, whatever their partitions. Transactions that dead-letter wait for
each other at the count; those that succeed take no lock unless there is a count to reset.
"""

from kernel.storage.database import Connection


class Breaker:
    """The count of one consumer within one transaction: rolled back with it, exact once it has committed."""

    def __init__(self, connection: Connection, consumer: str, threshold: int) -> None:
        self.connection = connection
        self.consumer = consumer
        self.threshold = threshold
        self.has_success = False

    def record_success(self) -> None:
        """Note that a record was applied. `settle` or the next failure resets the count."""
        self.has_success = True

    def admit_failure(self) -> bool:
        """Count a permanent failure and return True, or return False if the breaker is open."""
        self.settle()
        admitted = self.connection.execute(
            """
            INSERT INTO breakers AS kept (consumer, failures) VALUES (%s, 1)
            ON CONFLICT (consumer) DO UPDATE SET failures = kept.failures + 1 WHERE kept.failures < %s
            """,
            (self.consumer, self.threshold),
        )
        return admitted.rowcount == 1

    def settle(self) -> None:
        """Reset the count if a record was applied since the last failure; the last call of a transaction."""
        if self.has_success:
            self.connection.execute(
                "UPDATE breakers SET failures = 0 WHERE consumer = %s AND failures > 0", (self.consumer,)
            )
            self.has_success = False
