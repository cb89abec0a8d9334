"""transaction-events: book each transaction once. Those of deleted accounts are booked without their description."""

from kernel.contracts.transactions import TransactionCreated
from kernel.messaging import consumer, tombstones
from kernel.storage.database import Connection
from transactions import model, store


@consumer.batch(TransactionCreated, idempotent_without_inbox=True)
def handler(connection: Connection, events: list[TransactionCreated]) -> None:
    forgotten = tombstones.forgotten_among(connection, [event.user_id for event in events])
    store.book(connection, model.redact(events, forgotten))
