"""The on-failure destination on a Kafka topic of the source's cluster (kafka-on-failure, sections 8.3 and D5).

Decision: a record whose message the topic refuses as too large is delivered without its `payload`; the rest of the
message says where it is. Any other failure is tried again for ever: blocking is better than losing (R17).
"""

from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any
from uuid import uuid4

import orjson
from confluent_kafka import KafkaError, KafkaException, Producer

from millrace_local.kafka_trigger.failure import DeliveryError, Failure
from millrace_local.kafka_trigger.payload import Envelope, Record
from millrace_local.kafka_trigger.settings import KAFKA_SCHEME, Settings

DELIVERY_SECONDS = 5
LARGEST_MESSAGE = 1_000_000_000  # what librdkafka allows at most: the limit that counts is the broker's


class KafkaDestination:
    """One message per failed record, with the record's own key, acknowledged (acks=all) before `deliver` returns."""

    deliveries: int | None = None
    """Blocking is better than losing, and the topic is on the cluster that is read from."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self.name = f"{KAFKA_SCHEME}{topic}"
        self._settings = settings
        self._topic = topic
        self._envelope = Envelope(settings.topic, settings.bootstrap, settings.source_arn)

    def deliver(self, failure: Failure) -> None:
        keys = [_key(record) for record in failure.records]
        documents = [self.document(failure, record) for record in failure.records]
        outcomes = self._produce(keys, [orjson.dumps(document) for document in documents])
        large = [index for index, outcome in enumerate(outcomes) if _is_too_large(outcome)]
        if large:
            bare = [orjson.dumps(documents[index] | {"payload": None}) for index in large]
            again = self._produce([keys[index] for index in large], bare)
            for index, outcome in zip(large, again, strict=True):
                outcomes[index] = outcome
        failed = next((index for index, outcome in enumerate(outcomes) if outcome), None)
        if failed is not None:
            raise DeliveryError(f"{self.name}: {outcomes[failed]}", failed)

    def document(self, failure: Failure, record: Record) -> dict[str, Any]:
        """The message's value; `payload` is the event of this record alone."""
        event = self._envelope.event({failure.partition: (record,)})
        source = {"eventSourceArn": self._settings.source_arn} if self._settings.source_arn else {}
        answer = failure.answer
        return {
            "requestContext": {
                "requestId": (answer.request_id if answer else "") or str(uuid4()),
                "functionArn": _qualified(self._settings.function_arn),
                "condition": failure.condition,
                "approximateInvokeCount": failure.attempts,
            },
            "responseContext": answer
            and {
                "statusCode": 200,
                "executedVersion": answer.executed_version,
                "functionError": answer.function_error,
            },
            "version": "1.0",
            "timestamp": _iso(datetime.now(UTC).timestamp() * 1000),
            "KafkaBatchInfo": {
                "batchSize": 1,
                **source,
                "bootstrapServers": self._settings.bootstrap,
                "payloadSize": len(event),
                "recordInfo": {"offset": str(record.offset), "timestamp": _iso(record.timestamp)},
            },
            "payload": orjson.Fragment(event),
        }

    def close(self) -> None:
        if "_producer" in self.__dict__:
            self._producer.purge()
            self._producer.flush(1)

    def _produce(self, keys: Sequence[bytes | None], values: Sequence[bytes]) -> list[KafkaError | str | None]:
        """Produce in order and wait; gives for each message what went wrong, or None."""
        outcomes: list[KafkaError | str | None] = ["no acknowledgement"] * len(values)

        def acknowledge(index: int, error: KafkaError | None, _message: object) -> None:
            outcomes[index] = error

        try:
            for index, (key, value) in enumerate(zip(keys, values, strict=True)):
                self._producer.produce(self._topic, value, key, on_delivery=partial(acknowledge, index))
                self._producer.poll(0)
        except (BufferError, KafkaException) as error:
            outcomes[index] = str(error)
        self._producer.flush(DELIVERY_SECONDS + 1)
        return outcomes

    @cached_property
    def _producer(self) -> Producer:
        """Made when the first record fails, which for most mappings is never."""
        return Producer(
            {
                "bootstrap.servers": self._settings.bootstrap,
                "client.id": f"{self._settings.uuid}-destination",
                "acks": "all",
                "enable.idempotence": True,
                "delivery.timeout.ms": DELIVERY_SECONDS * 1000,
                "message.max.bytes": LARGEST_MESSAGE,
                "topic.metadata.propagation.max.ms": 2_000,  # how long a topic may be missing before that is an error
                "linger.ms": 0,
            }
        )


def _is_too_large(outcome: KafkaError | str | None) -> bool:
    return isinstance(outcome, KafkaError) and outcome.code() == KafkaError.MSG_SIZE_TOO_LARGE


def _key(record: Record) -> bytes | None:
    key = orjson.loads(record.body).get("key")
    return None if key is None else b64decode(key)


def _qualified(function_arn: str) -> str:
    """The ARN with its version, as AWS writes it here: an unqualified one means the latest."""
    has_qualifier = len(function_arn.split(":")) > len(
        ["arn", "aws", "lambda", "region", "account", "function", "name"]
    )
    return function_arn if has_qualifier else f"{function_arn}:$LATEST"


def _iso(milliseconds: float) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
