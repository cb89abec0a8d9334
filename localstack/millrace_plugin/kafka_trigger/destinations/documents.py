"""Build the documents that destinations receive (kafka-on-failure, kafka-on-failure-destination).

Decision: offsets are strings as in AWS's examples. Every timestamp that Kafka accepts is written; a year of more than
four digits takes the expanded form of ISO 8601.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson

from millrace_plugin.kafka_trigger.failure import Condition, Failure
from millrace_plugin.kafka_trigger.function_arn import parse_function_arn
from millrace_plugin.kafka_trigger.payload import Envelope, Record
from millrace_plugin.kafka_trigger.settings import Settings

Document = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CYCLE_YEARS = 400  # after which the Gregorian calendar repeats
CYCLE_MS = 146_097 * 86_400_000
LONGEST_YEAR = 9_999  # that four digits can write
CONDITIONS: Mapping[Condition, str] = {"RetriesExhausted": "RetryAttemptsExhausted"}
"""Conditions that a batch's document spells differently from a Kafka message."""


class Documents:
    """Build the documents of one mapping's failures."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._envelope = Envelope(settings.topic, settings.bootstrap, settings.source_arn)

    def metadata(self, failure: Failure, now: datetime) -> Document:
        """Return the document for a queue or topic: one for the whole failure, without payload (8.1, D4)."""
        return self._of_batch(failure, self._event(failure), now)

    def with_payload(self, failure: Failure, now: datetime) -> Document:
        """Return the document for a bucket: `metadata` and the event as an escaped string (8.2)."""
        event = self._event(failure)
        return self._of_batch(failure, event, now) | {"payload": event.decode()}

    def of_record(self, failure: Failure, record: Record, now: datetime) -> Document:
        """Return the document for a Kafka topic: one for each record, with the event of this record alone (8.3)."""
        event = self._envelope.event({failure.partition: (record,)})
        info = {"recordInfo": {"offset": str(record.offset), "timestamp": iso(record.timestamp)}}
        arn = _qualify(self._settings.function_arn)
        return self._document(failure, arn, failure.condition, now, self._batch_info(1, event) | info) | {
            "payload": orjson.Fragment(event)
        }

    def _of_batch(self, failure: Failure, event: bytes, now: datetime) -> Document:
        first, last = failure.records[0], failure.records[-1]
        span = {
            "firstRecordOffset": str(first.offset),
            "lastRecordOffset": str(last.offset),
            "firstRecordTimestamp": iso(first.timestamp),
            "lastRecordTimestamp": iso(last.timestamp),
        }
        info = self._batch_info(len(failure.records), event)
        condition = CONDITIONS.get(failure.condition, failure.condition)
        info["recordsInfo"] = {self._envelope.label(failure.partition): span}
        return self._document(failure, self._settings.function_arn, condition, now, info)

    def _document(self, failure: Failure, function_arn: str, condition: str, now: datetime, info: Document) -> Document:
        answer = failure.answer
        return {
            "requestContext": {
                "requestId": (answer.request_id if answer else "") or str(uuid4()),
                "functionArn": function_arn,
                "condition": condition,
                "approximateInvokeCount": failure.attempts,
            },
            "responseContext": answer
            and {
                "statusCode": 200,
                "executedVersion": answer.executed_version,
                "functionError": answer.function_error,
            },
            "version": "1.0",
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "KafkaBatchInfo": info,
        }

    def _batch_info(self, size: int, event: bytes) -> Document:
        source = {"eventSourceArn": self._settings.source_arn} if self._settings.source_arn else {}
        return {
            "batchSize": size,
            **source,
            "bootstrapServers": self._settings.bootstrap,
            "payloadSize": len(event),
        }

    def _event(self, failure: Failure) -> bytes:
        return self._envelope.event({failure.partition: failure.records})


def iso(milliseconds: int) -> str:
    """Format a record's timestamp, which can be any 64-bit number, as ISO 8601 with milliseconds."""
    cycles, rest = divmod(milliseconds, CYCLE_MS)
    moment = EPOCH + timedelta(milliseconds=rest)
    year = moment.year + cycles * CYCLE_YEARS
    written = f"{year:04}" if 0 <= year <= LONGEST_YEAR else f"{year:+07}"
    return f"{written}-{moment:%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _qualify(function_arn: str) -> str:
    """Return the ARN with its version, as AWS writes it in Kafka messages. Without a qualifier it is the latest."""
    return function_arn if parse_function_arn(function_arn).qualifier else f"{function_arn}:$LATEST"
