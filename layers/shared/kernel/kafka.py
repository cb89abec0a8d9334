"""The Kafka producer, for the relay and the redrive only: everybody else publishes through the outbox."""

import contextlib
import socket
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import (
    InvalidRecordError,
    InvalidTopicError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from kafka.producer.future import FutureRecordMetadata

from kernel import settings
from kernel.outbox import Message

# Every wait is bounded, so that a function ends before Lambda ends it. Idle sockets are given up before a NAT or a
# load balancer forgets them (350 s). kafka-python is idempotent by default, and keeps the order when it retries.
OPTIONS: dict[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    "allow_auto_create_topics": False,
    # A batch is sent when it is flushed, and before that only when it is full.
    "batch_size": 512 * 1024,
    "linger_ms": 1_000,
    "max_block_ms": 5_000,
    "bootstrap_timeout_ms": 5_000,
    "request_timeout_ms": 3_000,
    "delivery_timeout_ms": 8_000,
    "connections_max_idle_ms": 60_000,
    "reconnect_backoff_max_ms": 1_000,
}
LONGEST_SEND_SECONDS = 10
REACH_SECONDS = 2
IDLE_SECONDS = 240

# No retry will ever publish such a message.
UNPUBLISHABLE = (
    InvalidRecordError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TypeError,
    ValueError,
)


class TopicError(Exception):
    """The topic does not exist, or may not be written to by us. Other topics are not concerned."""


class _Warm(NamedTuple):
    producer: KafkaProducer
    used_at: float


_warm: list[_Warm] = []


def publish(messages: Iterable[Message]) -> list[Exception | None]:
    """Send the messages in order and wait until each is acknowledged or refused; at most 10 seconds.

    Returns one outcome per message: None if every in-sync replica has it, one of `UNPUBLISHABLE` if it can never be
    published, TopicError if its topic cannot be written to, and KafkaError otherwise: then it may have been
    published, or not, and is to be sent again. Raises KafkaError when no broker can be reached.
    """
    messages = list(messages)
    producer = _producer()
    absent = {topic: _absence(producer, topic) for topic in {message.topic for message in messages}}
    sent = [absent[message.topic] or _send(producer, message) for message in messages]
    with contextlib.suppress(KafkaTimeoutError):
        producer.flush(timeout=LONGEST_SEND_SECONDS)
    outcomes = [_outcome(each) for each in sent]
    if any(isinstance(each, KafkaError) and not isinstance(each, UNPUBLISHABLE) for each in outcomes):
        close()
    return outcomes


def ask() -> None:
    """Return when a broker has told which topics there are; raise KafkaError when none does within 3 seconds."""
    access = _access()
    _reach(access["bootstrap_servers"])
    client = KafkaAdminClient(bootstrap_timeout_ms=3_000, request_timeout_ms=3_000, **access)
    try:
        client.list_topics()
    finally:
        client.close()


def close() -> None:
    """Forget the producer. It has a second to end; what it has not delivered by then is given up."""
    while _warm:
        with contextlib.suppress(KafkaTimeoutError):
            _warm.pop().producer.close(timeout=1)


def _producer() -> KafkaProducer:
    """The producer of this execution environment; a new one if it may have been frozen with stale connections."""
    now = time.time()
    if _warm and now - _warm[0].used_at > IDLE_SECONDS:
        close()
    producer = _warm[0].producer if _warm else _connect()
    _warm[:] = [_Warm(producer, now)]
    return producer


def _connect() -> KafkaProducer:
    access = _access()
    _reach(access["bootstrap_servers"])
    return KafkaProducer(**(OPTIONS | access))


def _reach(servers: list[str]) -> None:
    """Raise KafkaConnectionError unless a server takes a connection; kafka-python would leave its sockets open."""
    for server in servers:
        host, _, port = server.rpartition(":")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=REACH_SECONDS):
            return
    message = f"No broker can be reached at {', '.join(servers)}."
    raise KafkaConnectionError(message)


def _access() -> dict[str, Any]:
    """Where the brokers are and how they are spoken to."""
    broker = settings.Kafka.from_environment()
    iam = {"sasl_mechanism": "AWS_MSK_IAM"} if broker.security_protocol == "SASL_SSL" else {}
    servers = list(broker.bootstrap_servers)
    return {"bootstrap_servers": servers, "security_protocol": broker.security_protocol, **iam}


def _absence(producer: KafkaProducer, topic: str) -> Exception | None:
    try:
        producer.partitions_for(topic)
    except ValueError as error:
        return error
    except (KafkaTimeoutError, UnknownTopicOrPartitionError, TopicAuthorizationFailedError) as error:
        return TopicError(f"{topic}: {error!r}")
    return None


def _send(producer: KafkaProducer, message: Message) -> FutureRecordMetadata | Exception:
    """The future of the message, or the reason why it was not sent."""
    # kafka-python refuses a record that has neither key nor value, though Kafka takes it; the value is what counts.
    key = b"" if message.key is None and message.value is None else message.key
    try:
        return producer.send(message.topic, message.value, key, message.headers)
    except (KafkaError, *UNPUBLISHABLE) as error:
        return error


def _outcome(sent: FutureRecordMetadata | Exception) -> Exception | None:
    if isinstance(sent, Exception):
        return sent
    error: Exception | None = sent.exception if sent.is_done else KafkaTimeoutError("not acknowledged in time")
    return error
