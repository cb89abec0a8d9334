"""Deliver to a Kafka topic of the source's cluster (kafka-on-failure-destination, section 8.3, D5).

Decision: a record whose message the topic refuses as too large is delivered without its `payload`. The rest of the
message says where the record is. Any other failure is retried without end: blocking is better than losing (R17).

Decision D-order: messages are sent in rounds of at most one message of each key. A round begins when the previous one is
acknowledged, so no later message of a key can overtake one that expires or is refused.
"""

from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import orjson
from confluent_kafka import KafkaError, KafkaException, Producer

from millrace_plugin.kafka_trigger.destinations.documents import Document, Documents
from millrace_plugin.kafka_trigger.failure import DeliveryError, Failure
from millrace_plugin.kafka_trigger.payload import Record
from millrace_plugin.kafka_trigger.settings import KAFKA_SCHEME, Settings

REQUEST_SECONDS = 5
DELIVERY_SECONDS = 10  # longer than a request, so that a lost one is repeated
FLUSH_SECONDS = 12  # longer than a delivery, so that no message is left to follow the next round
ROUND_BYTES = 1024 * 1024
NOT_ACKNOWLEDGED = "no acknowledgement"
LARGEST_MESSAGE = 1_000_000_000  # what librdkafka allows at most: the limit that counts is the broker's


@dataclass
class Message:
    key: bytes | None
    document: Document
    outcome: KafkaError | str | None = NOT_ACKNOWLEDGED
    """Why the message is not delivered. None once the broker has acknowledged it."""

    @cached_property
    def value(self) -> bytes:
        return orjson.dumps(self.document)

    def without_payload(self) -> "Message":
        return Message(self.key, self.document | {"payload": None})

    def acknowledge(self, error: KafkaError | None, _message: object) -> None:
        self.outcome = error

    @property
    def is_fatal(self) -> bool:
        """Whether the producer can send nothing more."""
        fatal = KafkaError._FATAL  # noqa: SLF001 - librdkafka's own errors are named so
        return isinstance(self.outcome, KafkaError) and (self.outcome.fatal() or self.outcome.code() == fatal)

    @property
    def is_too_large(self) -> bool:
        return isinstance(self.outcome, KafkaError) and self.outcome.code() == KafkaError.MSG_SIZE_TOO_LARGE


class KafkaDestination:
    """Send one message per failed record, with the record's key. `deliver` returns once all replicas acknowledged."""

    deliveries: int | None = None
    """Without end: blocking is better than losing, and the topic is on the source's own cluster."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self.name = f"{KAFKA_SCHEME}{topic}"
        self._settings = settings
        self._topic = topic
        self._documents = Documents(settings)

    def deliver(self, failure: Failure) -> None:
        now = datetime.now(UTC)
        messages = [Message(_key(each), self._documents.of_record(failure, each, now)) for each in failure.records]
        delivered = 0
        for batch in rounds(messages):
            self._produce(batch)
            for message in batch:
                if message.outcome:
                    raise DeliveryError(f"{self.name}: {message.outcome}", delivered)
                delivered += 1

    def close(self) -> None:
        if "_producer" in self.__dict__:
            self._producer.purge()
            self._producer.flush(1)

    def _produce(self, batch: Sequence[Message]) -> None:
        """Send a round and wait until all of it is settled.

        A broker refuses a batch that is too large as a whole, so each message of it is sent again alone.
        """
        self._send(batch)
        for message in batch:
            if message.is_too_large and len(batch) > 1:
                self._send([message])
            if message.is_too_large:
                bare = message.without_payload()
                self._send([bare])
                message.outcome = bare.outcome

    def _send(self, batch: Sequence[Message]) -> None:
        producer = self._producer
        for message in batch:
            message.outcome = NOT_ACKNOWLEDGED
            try:
                producer.produce(self._topic, message.value, message.key, on_delivery=message.acknowledge)
            except BufferError as error:
                message.outcome = str(error)
            except KafkaException as error:
                message.outcome = error.args[0]
        producer.flush(FLUSH_SECONDS)
        if any(message.is_fatal for message in batch):
            self.__dict__.pop("_producer", None)

    @cached_property
    def _producer(self) -> Producer:
        """The producer, created when the first record fails: for most mappings never."""
        return Producer(
            {
                "bootstrap.servers": self._settings.bootstrap,
                "client.id": f"{self._settings.uuid}-destination",
                "acks": "all",
                "enable.idempotence": True,
                "request.timeout.ms": REQUEST_SECONDS * 1000,
                "socket.timeout.ms": REQUEST_SECONDS * 1000,
                "delivery.timeout.ms": DELIVERY_SECONDS * 1000,
                "message.max.bytes": LARGEST_MESSAGE,
                "topic.metadata.propagation.max.ms": 2_000,  # how long a missing topic is no error
                "linger.ms": 0,
            }
        )


def rounds(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Divide *messages*, in their sequence, into rounds of at most one message per key and ROUND_BYTES.

    Messages without a key have no sequence among them.
    """
    batch: list[Message] = []
    keys: set[bytes] = set()
    size = 0
    for message in messages:
        if batch and (message.key in keys or size + len(message.value) > ROUND_BYTES):
            yield batch
            batch, keys, size = [], set(), 0
        batch.append(message)
        size += len(message.value)
        if message.key is not None:
            keys.add(message.key)
    if batch:
        yield batch


def _key(record: Record) -> bytes | None:
    key = orjson.loads(record.body).get("key")
    return None if key is None else b64decode(key)
