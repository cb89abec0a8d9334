"""transaction-events: book every transaction once."""

from kernel import consumer
from kernel.contracts.transactions import TransactionCreated
from kernel.database import Connection
from transactions import store


@consumer.batch("transactions", TransactionCreated)
def handler(connection: Connection, events: list[TransactionCreated]) -> None:
    store.book(connection, events)
