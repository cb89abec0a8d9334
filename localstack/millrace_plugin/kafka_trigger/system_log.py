"""Log a mapping's events to the log group of its function, as its LoggingConfig asks (esm-logging).

The trigger's modules log as usual. `SystemLogHandler` turns each of their warnings into an event of the mapping that the
thread works for.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import orjson
from confluent_kafka import KafkaError, KafkaException

from millrace_plugin.kafka_trigger.function_arn import parse_function_arn
from millrace_plugin.kafka_trigger.offsets import PartitionOffsets, Position
from millrace_plugin.kafka_trigger.settings import Settings

LEVELS = ("DEBUG", "INFO", "WARN")
LONGEST_MESSAGE = 4_000
PACKAGE = __name__.rpartition(".")[0]

Put = Callable[[int, str], None]


class SystemLog:
    """Log the events of one mapping.

    put: called with a timestamp in milliseconds since 1970 and a line. It must not block.
    """

    def __init__(self, settings: Settings, put: Put) -> None:
        self._settings = settings
        self._put = put
        self._generation = 0
        self._enabled = LEVELS[LEVELS.index(settings.log_level) :] if settings.log_level else ()

    def problem(self, message: str, code: str) -> None:
        """Log a warning or an error."""
        self._emit("WARN", "ESM_PROCESSING_EVENT", {"error": {"errorMessage": message, "errorCode": code}})

    def assigned(self, total: int, numbers: Sequence[int]) -> None:
        """Log an assignment of partitions.

        total: the partitions of the topic.
        numbers: the assigned ones.
        """
        self._generation += 1
        settings = self._settings
        connection = {
            "brokerEndpoints": settings.bootstrap,
            "consumerId": f"{settings.uuid}-0",
            "topics": [settings.topic],
            "consumerGroupId": settings.group,
            "securityProtocol": "PLAINTEXT",
            "totalPartitionCount": total,
            "assignedPartitionCount": len(numbers),
            "partitionsAssignmentGeneration": self._generation,
            "assignedPartitions": [f"{settings.topic}-{number}" for number in sorted(numbers)],
        }
        self._emit("INFO", "POLLER_STATUS_EVENT", {"kafkaEventSourceConnection": connection})

    def offsets(self, offsets: Sequence[PartitionOffsets], positions: Mapping[int, Position]) -> None:
        """Log the mapping's position in each partition that it owns. Consumed and processed are last offsets."""
        for each in offsets:
            if position := positions.get(each.number):
                status = {
                    "partition": f"{self._settings.topic}-{each.number}",
                    "endOffset": each.end,
                    "consumedOffset": position.read_to - 1,
                    "processedOffset": position.settled_to - 1,
                    "committedOffset": each.committed,
                }
                self._emit("DEBUG", "KAFKA_STATUS_EVENT", {"kafkaPartitionOffsets": status})

    def _emit(self, level: str, kind: str, content: dict[str, Any]) -> None:
        if level not in self._enabled:
            return
        settings, now = self._settings, time.time_ns() // 1_000_000
        region, account, *_ = parse_function_arn(settings.function_arn)
        source = {"eventSourceArn": settings.source_arn} if settings.source_arn else {}
        event = {
            "eventType": kind,
            "timestamp": now,
            "resourceArn": f"arn:aws:lambda:{region}:{account}:event-source-mapping:{settings.uuid}",
            **source,
            "eventProcessorId": f"{settings.uuid}/0",
            "logLevel": level,
            **content,
        }
        self._put(now, orjson.dumps(event).decode())


CURRENT: ContextVar[SystemLog | None] = ContextVar("system_log", default=None)
"""The log of the mapping that the thread works for."""


class SystemLogHandler(logging.Handler):
    """Send the warnings of the trigger's modules to the log of the mapping that the thread works for."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        if log := CURRENT.get():
            log.problem(record.getMessage()[:LONGEST_MESSAGE], _code(record))


def install() -> None:
    """Add the handler to the logger of the trigger's modules, once."""
    logger = logging.getLogger(PACKAGE)
    if not any(isinstance(each, SystemLogHandler) for each in logger.handlers):
        logger.addHandler(SystemLogHandler())


def _code(record: logging.LogRecord) -> str:
    """Return the name of the error in a log record, or its level if there is none."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    error = record.exc_info[1] if record.exc_info else next((each for each in arguments if _is_error(each)), None)
    if isinstance(error, KafkaException):
        error = error.args[0]
    if isinstance(error, KafkaError):
        return str(error.name())
    return type(error).__qualname__ if error else record.levelname


def _is_error(value: object) -> bool:
    return isinstance(value, BaseException | KafkaError)
