"""Dead letters: records that can never be applied, published whole to a topic of their own through the outbox.

Each is in the outbox once and on its topic at least once: a relay that dies between Kafka's acknowledgement and its
own mark publishes it again. Readers recognize repeats by the header `dlq_id`.
"""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import NAMESPACE_OID, uuid5

from kernel import telemetry
from kernel.messaging import causes, outbox
from kernel.messaging.events import Record
from kernel.messaging.markers import DLQ_ERROR_WHERE, DLQ_FINGERPRINT
from kernel.messaging.parked_keys import KeyParkedError
from kernel.settings import Consumer
from kernel.storage.database import Connection

MESSAGE_LENGTH = 500


class DeadLetter(NamedTuple):
    record: Record
    error: Exception


def add_many(connection: Connection, domain: str, consumer: Consumer, scope: str, letters: list[DeadLetter]) -> None:
    """Publish the records to *consumer*'s dead-letter topic once the caller's transaction has committed.

    *domain*: the consumer's.
    *scope*: of the consumer's inbox. A record has one letter in each scope.

    Key, value and headers stay unchanged, byte by byte. Added are the headers `dlq_id`, `dlq_topic`, `dlq_partition`,
    `dlq_offset`, `dlq_timestamp` (ms), `dlq_key` (absent if the record had none), `dlq_consumer`, `dlq_error_class`,
    `dlq_error_message`, `dlq_error_where` (file and line, relative to `functions/` or to the layer; absent if the error was
    never raised), `dlq_fingerprint` (the same for all that failed in the same place in the same way: `causes.of`),
    `dlq_attempts`, `dlq_first_failed_at` (RFC 3339) and, if the record had none, `traceparent`.
    A record that is parked behind a dead letter (`KeyParkedError`) was not tried: `dlq_attempts` does not count it.
    If a letter is published to its topic again and fails again, `dlq_attempts` is incremented and `dlq_first_failed_at`
    kept. The new letter has a new `dlq_id`. Markers of the redrive (`kernel.messaging.markers`) stay as they were.
    """
    outbox.add_messages(connection, [_message(domain, consumer, scope, letter) for letter in letters])


def _message(domain: str, consumer: Consumer, scope: str, letter: DeadLetter) -> outbox.Message:
    record = letter.record
    attempts, first_failed_at, traceparent = record.header("dlq_attempts", "dlq_first_failed_at", "traceparent")
    before = int(attempts) if attempts and attempts.isdecimal() else 0
    cause = causes.of(letter.error, domain)
    added = {
        "dlq_id": str(uuid5(NAMESPACE_OID, f"{scope} {record.id}")),
        "dlq_topic": record.topic,
        "dlq_partition": str(record.partition),
        "dlq_offset": str(record.offset),
        "dlq_timestamp": str(record.timestamp),
        "dlq_consumer": consumer.group,
        "dlq_error_class": type(letter.error).__name__,
        "dlq_error_message": str(letter.error)[:MESSAGE_LENGTH],
        DLQ_FINGERPRINT: cause.fingerprint,
        "dlq_attempts": str(before + (not isinstance(letter.error, KeyParkedError))),
        "dlq_first_failed_at": first_failed_at or datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    if cause.where:
        added[DLQ_ERROR_WHERE] = cause.where
    if traceparent is None:
        added["traceparent"] = telemetry.current().traceparent
    headers = [(name, value) for name, value in record.headers() if not name.startswith("dlq_")]
    headers += [(name, value.encode(errors="replace")) for name, value in added.items()]
    if record.key is not None:
        headers.append(("dlq_key", record.key))
    aggregate = f"{record.topic}-{record.partition}"
    return outbox.Message(consumer.dead_letter_topic, record.key, headers, record.value, aggregate)
