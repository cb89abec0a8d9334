"""How long consumers take for their batches, as they log it in the metric `consumer_batch_duration_ms`."""

import contextlib
import math
import time
from collections.abc import Collection, Iterator

import msgspec

from kernel import settings
from kernel.errors import UnavailableError

METRIC = "consumer_batch_duration_ms"
# A term and no path in JSON, which LocalStack takes for everything. It finds another line of the same batch, too.
PATTERN = f'"{METRIC}"'
# A page has up to 10,000 lines or 1 MB; what is not read within so many says little that these do not.
MOST_PAGES = 5


class _Line(msgspec.Struct):
    """A line in CloudWatch's embedded metric format. *component*: the consumer group."""

    component: str
    durations: list[float] = msgspec.field(name=METRIC)


def p99(groups: Collection[str], domains: Collection[str], seconds: float) -> float | None:
    """Return the 99th percentile of the durations of the consumers' batches, in milliseconds.

    *groups*: of the consumers.
    *domains*: in whose logs they are.
    *seconds*: how far to look back.
    Returns None if there was no batch. Raises UnavailableError if CloudWatch Logs does not answer.
    """
    now = time.time()
    durations = sorted(
        duration
        for domain in domains
        for line in _lines(domain, round((now - seconds) * 1000), round(now * 1000))
        if line.component in groups
        for duration in line.durations
    )
    return durations[max(0, math.ceil(len(durations) * 0.99) - 1)] if durations else None


def _lines(domain: str, since: int, until: int) -> Iterator[_Line]:
    import boto3  # noqa: PLC0415 - 300 ms that a command without this brake need not wait for
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

    group = f"/millrace/{settings.text('STAGE')}/{domain}"
    with contextlib.closing(boto3.client("logs")) as logs:
        pages = logs.get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=group, startTime=since, endTime=until, filterPattern=PATTERN)
        try:
            for number, page in enumerate(found, 1):
                for event in page["events"]:
                    yield from _line(event["message"])
                if number == MOST_PAGES:
                    return
        except logs.exceptions.ResourceNotFoundException:
            return
        except (BotoCoreError, ClientError) as error:
            message = f"CloudWatch Logs: the durations of consumers in {group} cannot be read: {error}"
            raise UnavailableError(message) from error


def _line(message: str) -> Iterator[_Line]:
    """Yield the metric in a log line, which may have a prefix, or be something else."""
    start = message.find("{")
    with contextlib.suppress(msgspec.DecodeError):
        if start >= 0 and METRIC in message:
            yield msgspec.json.decode(message[start:], type=_Line)
