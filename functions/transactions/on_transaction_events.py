"""transaction-events: book every transaction once; without its description if its user deleted their account."""

from msgspec.structs import replace

from kernel.contracts.transactions import TransactionCreated
from kernel.messaging import consumer, tombstones
from kernel.storage.database import Connection
from transactions import store


@consumer.batch("transactions", TransactionCreated)
def handler(connection: Connection, events: list[TransactionCreated]) -> None:
    gone = tombstones.forgotten_among(connection, [event.user_id for event in events])
    store.book(
        connection, [replace(event, description="") if str(event.user_id) in gone else event for event in events]
    )
