"""The relay of transactions, which has nothing to publish but dead letters."""

from tests.kit import relays, topics
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, record
from transactions import on_transaction_events, publish_events

DEAD_LETTERS = "events-transactions-dlq"


def test_what_cannot_be_booked_arrives_among_the_dead_letters(transactions: Database, kafka: str) -> None:
    """Byte by byte as it was, once, with the place where it came from."""
    on_transaction_events.handler(batch(record(b"{", 7, partition=3)), Context())
    with relays.relaying(transactions, kafka, DEAD_LETTERS):
        assert relays.run(publish_events) == {"published": 1, "parked": 0, "failures": 0}
        assert relays.run(publish_events)["published"] == 0
    [letter] = topics.read(kafka, DEAD_LETTERS)
    headers = dict(letter.headers())
    assert (letter.key(), letter.value()) == (b"key", b"{")
    assert (headers["dlq_topic"], headers["dlq_partition"], headers["dlq_offset"]) == (b"events", b"3", b"7")
