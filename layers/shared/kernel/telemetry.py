"""Logs (JSON lines), metrics (CloudWatch's embedded format) and the trace, which travels HTTP → Kafka → consumer."""

import os
import re
import secrets
from contextvars import ContextVar
from typing import NamedTuple

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from kernel import ids

# The logger itself reads LOG_LEVEL. Fields are logged one by one: never a body, a token or a payload.
# The functions of a domain share a log group, so that each line names its function.
logger = Logger(
    service="millrace", utc=True, use_rfc3339=True, function_name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
)

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Trace(NamedTuple):
    """*correlation_id*: of the first request. *traceparent*: of this step (W3C Trace Context).

    *cause*: the id of the request or event that caused this step, or *correlation_id* if there is no single one.
    """

    correlation_id: str
    traceparent: str
    cause: str


_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begin(correlation_id: str | None, traceparent: str | None, cause: str | None = None) -> Trace:
    """Continue the caller's trace with a new step and return it. Absent or malformed values are replaced by new ones."""
    if not (correlation_id and CORRELATION_ID.fullmatch(correlation_id)):
        correlation_id = str(ids.new())
    known = traceparent is not None and TRACEPARENT.fullmatch(traceparent)
    trace_id = traceparent[3:35] if known and traceparent else secrets.token_hex(16)
    flags = traceparent[-2:] if known and traceparent else "01"
    trace = Trace(correlation_id, f"00-{trace_id}-{secrets.token_hex(8)}-{flags}", cause or correlation_id)
    _trace.set(trace)
    logger.append_keys(correlation_id=correlation_id, trace_id=trace_id)
    return trace


def current() -> Trace:
    """Return the current trace, or begin a new one."""
    return _trace.get() or begin(None, None)


def publish(component: str, **values: float) -> None:
    """Write one line of metrics of *component*. Names in `_ms` and `_seconds` are times, all others counts."""
    metrics = Metrics(namespace="Millrace", service="millrace")
    metrics.add_dimension(name="component", value=component)
    for name, value in values.items():
        metrics.add_metric(name=name, unit=_unit(name), value=value)
    metrics.flush_metrics()


def _unit(name: str) -> MetricUnit:
    if name.endswith("_ms"):
        return MetricUnit.Milliseconds
    return MetricUnit.Seconds if name.endswith("_seconds") else MetricUnit.Count
