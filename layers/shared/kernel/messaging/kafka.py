"""The Kafka producer, for the relay alone: all other code publishes through the outbox.

No record is sent while an older one of its partition is unsettled.

* One call of `publish` sends at most one batch of the producer and waits until the broker has settled it.
* After a failure no batch is left behind: the producer gives it up before the wait ends, and is closed.

So a record that is sent again, by any relay, follows its elders. A late request of a closed producer can only repeat.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from kafka import KafkaProducer
from kafka.errors import (
    InvalidRecordError,
    InvalidTopicError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownError,
    UnknownTopicOrPartitionError,
)
from kafka.producer.future import FutureRecordMetadata

from kernel.messaging import brokers
from kernel.messaging.log_record import LogHeader, LogRecord
from kernel.messaging.outbox import Message

# Limit of one call, with room below the brokers' default limit of 1,048,588 bytes (message.max.bytes).
BATCH_BYTES = 1_000_000
# Upper bounds of what Kafka's record format adds to the bytes of a record and of a header.
RECORD_OVERHEAD = 40
HEADER_OVERHEAD = 10
# Every wait is bounded, so that a function ends before Lambda ends it: request < delivery < flush. Idle sockets are
# closed before a NAT or a load balancer forgets them (350 s). While it retries, an idempotent producer keeps the
# order. It may repeat: that was seen on a broker that is too slow for its timeouts.
OPTIONS: dict[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    "allow_auto_create_topics": False,
    # A batch is sent by the flush alone: it never gets full, and is filled long before it has lingered.
    "batch_size": 1_010_000,
    "linger_ms": 4_000,
    "max_block_ms": 5_000,
    "bootstrap_timeout_ms": 5_000,
    "request_timeout_ms": 4_000,
    "delivery_timeout_ms": 8_000,
    "connections_max_idle_ms": 60_000,
    "reconnect_backoff_max_ms": 1_000,
}
LONGEST_SEND_SECONDS = 10
CLOSE_SECONDS = 2
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


class Copy(NamedTuple):
    """A record to publish as it was in a log. *partition*: where it goes; None to where its key belongs."""

    topic: str
    key: bytes | None
    headers: list[LogHeader]
    value: bytes | None
    partition: int | None = None


type Sendable = Message | Copy


def is_exact(record: LogRecord) -> bool:
    """Return whether *record* can be published byte for byte: see `_send`."""
    return (record.key is not None or record.value is not None) and all(
        value is not None for _, value in record.headers
    )


class TopicError(Exception):
    """The topic does not exist, or we have no right to write to it. Other topics are not affected."""


class NotSentError(Exception):
    """The messages before this one, sent one by one, took all the time. It must be sent after them."""


REFUSED = (*UNPUBLISHABLE, TopicError)


class _Warm(NamedTuple):
    producer: KafkaProducer
    used_at: float


_warm: list[_Warm] = []


def publish(messages: Iterable[Sendable], *, stops: bool = False) -> list[Exception | None]:
    """Send the first of *messages*, as many as fit into one batch, and wait until each is acknowledged or refused.

    *stops*: whether a message that can never be published must hold up those after it in its partition.

    Returns one outcome for each message of the batch, and at least one:

    * None: every in-sync replica has it.
    * One of `UNPUBLISHABLE`: it can never be published.
    * TopicError: its topic cannot be written to.
    * NotSentError: the time was over before its turn, or *stops*. It must be sent again before any that follows it.
    * KafkaError: it may have been published, or not. It must be sent again likewise.

    Raises KafkaError when no broker can be reached.
    """
    end = time.monotonic() + LONGEST_SEND_SECONDS
    batch = list(_first_batch(messages))
    outcomes, failed = _publish(batch, LONGEST_SEND_SECONDS, stops=stops)
    if len(batch) > 1 and any(isinstance(outcomes[each], REFUSED) for each in failed):
        _publish_alone(batch, outcomes, failed, end, stops=stops)
    return outcomes


def close() -> None:
    """Close the producer. Undelivered records are given up and not sent any more."""
    while _warm:
        producer = _warm.pop().producer
        # `close` alone first waits for undelivered records, and when that takes too long it raises and closes nothing.
        producer._sender.force_close()  # noqa: SLF001 - kafka-python has no public way to give up
        with contextlib.suppress(KafkaTimeoutError):
            producer.close(timeout=CLOSE_SECONDS)


def _publish(batch: list[Sendable], seconds: float, *, stops: bool = False) -> tuple[list[Exception | None], list[int]]:
    """Send *batch* and wait for it. Returns the outcomes, and the indices of the messages that the broker refused.

    Closes a producer with refused messages: it has ended, and would give others the same error.
    """
    producer = _producer()
    absent = _absences(producer, {message.topic for message in batch})
    sent: list[FutureRecordMetadata | Exception] = []
    for message in batch:
        held_up = NotSentError() if stops and sent and isinstance(sent[-1], Exception) else None
        sent.append(held_up or absent[message.topic] or _send(producer, message))
    _flush(producer, seconds)
    outcomes = [_outcome(each) for each in sent]
    failed = [number for number, each in enumerate(sent) if outcomes[number] and not isinstance(each, Exception)]
    if failed or any(isinstance(each, KafkaError) and not isinstance(each, UNPUBLISHABLE) for each in outcomes):
        close()
    return outcomes, failed


def _flush(producer: KafkaProducer, seconds: float) -> None:
    """Wait until all records are settled, at most for *seconds*.

    kafka-python splits a batch that is too large for its topic, and then reports it as "not done" (UnknownError).
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            producer.flush(timeout=left)
        except UnknownError:
            time.sleep(0.001)
        except KafkaTimeoutError:
            return
        else:
            return


def _publish_alone(
    batch: list[Sendable], outcomes: list[Exception | None], failed: list[int], end: float, *, stops: bool
) -> None:
    """Send the *failed* messages again, each alone and in their order, and update their *outcomes*.

    The broker refuses a batch as a whole, and kafka-python gives the error to all other pending records. Messages after
    an unsettled one are not sent, nor with *stops* those after a refused one.
    """
    is_settled, denied = True, dict[str, Exception]()
    for number in failed:
        message = batch[number]
        outcome: Exception | None = denied.get(message.topic, NotSentError())
        if is_settled and message.topic not in denied:
            try:
                [outcome], _ = _publish([message], max(end - time.monotonic(), 1))
            except KafkaError as error:
                outcome = error
            can_pass = outcome is None or (isinstance(outcome, REFUSED) and not stops)
            is_settled = can_pass and time.monotonic() < end
            if isinstance(outcome, TopicError):
                denied[message.topic] = outcome
        outcomes[number] = outcome


def _first_batch(messages: Iterable[Sendable]) -> Iterator[Sendable]:
    size = 0
    for number, message in enumerate(messages):
        size += _size(message)
        if number and size > BATCH_BYTES:
            return
        yield message


def _size(message: Sendable) -> int:
    """Return an upper bound of the message's bytes in a batch."""
    size = len(message.key or b"") + len(message.value or b"") + RECORD_OVERHEAD
    for name, value in message.headers:
        size += len(name if name.isascii() else name.encode()) + len(value or b"") + HEADER_OVERHEAD
    return size


def _producer() -> KafkaProducer:
    """Return this environment's producer, or a new one if a freeze may have made its connections stale."""
    now = time.time()
    if _warm and now - _warm[0].used_at > IDLE_SECONDS:
        close()
    producer = _warm[0].producer if _warm else _connect()
    _warm[:] = [_Warm(producer, now)]
    return producer


def _connect() -> KafkaProducer:
    return KafkaProducer(**(OPTIONS | brokers.access()))


def _absences(producer: KafkaProducer, topics: Iterable[str]) -> dict[str, Exception | None]:
    """Return for each topic why it cannot be written to, or None. Raises KafkaTimeoutError when no broker answers."""
    try:
        return {topic: _absence(producer, topic) for topic in topics}
    except KafkaTimeoutError:
        close()
        raise


def _absence(producer: KafkaProducer, topic: str) -> Exception | None:
    try:
        producer.partitions_for(topic)
    except ValueError as error:
        return error
    except (UnknownTopicOrPartitionError, TopicAuthorizationFailedError) as error:
        return TopicError(f"{topic}: {error!r}")
    except KafkaTimeoutError as error:
        if not _answers(producer):
            raise
        return TopicError(f"{topic}: {error!r}")
    return None


def _answers(producer: KafkaProducer) -> bool:
    """Return whether a broker has sent metadata during the last wait."""
    age: float = producer.metrics()["producer-metrics"]["metadata-age"]
    waited: float = OPTIONS["max_block_ms"] / 1000
    return age < waited


def _send(producer: KafkaProducer, message: Sendable) -> FutureRecordMetadata | Exception:
    """Return the future of the message, or the error for which it was not sent."""
    # kafka-python refuses a record with neither key nor value, and a header without a value, though Kafka takes both.
    # An empty key or value changes least.
    key = b"" if message.key is None and message.value is None else message.key
    headers = [(name, b"" if value is None else value) for name, value in message.headers]
    partition = message.partition if isinstance(message, Copy) else None
    try:
        return producer.send(message.topic, message.value, key, headers, partition)
    except (KafkaError, *UNPUBLISHABLE) as error:
        return error


def _outcome(sent: FutureRecordMetadata | Exception) -> Exception | None:
    if isinstance(sent, Exception):
        return sent
    error: Exception | None = sent.exception if sent.is_done else KafkaTimeoutError("not acknowledged in time")
    return TopicError(repr(error)) if isinstance(error, TopicAuthorizationFailedError) else error
