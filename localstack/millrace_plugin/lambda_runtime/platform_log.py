"""Write the platform's own log events, as text or as JSON.

AWS: "Understanding Lambda log formats", "Telemetry API Event schema reference", "System log level event mapping" and
"Lambda execution environment lifecycle" (INIT_REPORT).
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from millrace_plugin.lambda_runtime.errors import EXITED, TIMED_OUT, Fault
from millrace_plugin.lambda_runtime.invocation import Function
from millrace_plugin.lambda_runtime.output import LEVELS

_MEGABYTE = 1024 * 1024
type Write = Callable[[str], None]


@dataclass
class Report:
    """The report of an invocation. Durations are in seconds, memory is in MB."""

    request_id: str
    function_arn: str = ""
    memory_size: int = 0
    duration: float = 0
    init_duration: float | None = None
    memory_used: int = 0
    produced_bytes: int = 0

    @property
    def billed_milliseconds(self) -> int:
        return math.ceil((self.duration + (self.init_duration or 0)) * 1000)


class PlatformLog(Protocol):
    """Log the life of an environment and its invocations. Durations are in seconds."""

    def start_init(self) -> None: ...
    def end_init(self, duration: float, fault: Fault | None) -> None: ...
    def start(self, report: Report) -> None: ...
    def end(self, report: Report, fault: Fault | None) -> None: ...


def platform_log(function: Function, write: Write) -> PlatformLog:
    return JsonLog(function, write) if function.logging.is_json else TextLog(function, write)


class TextLog:
    def __init__(self, function: Function, write: Write) -> None:
        self._function = function
        self._write = write

    def start_init(self) -> None:
        self._write(f"INIT_START Runtime Version: python:3.13\tRuntime Version ARN: {self._function.runtime_version}")

    def end_init(self, duration: float, fault: Fault | None) -> None:
        """Write a report only of a failure. The invocation's report has the duration of a success."""
        if fault:
            self._write_fields(
                f"INIT_REPORT Init Duration: {_format_milliseconds(duration)}", "Phase: init", *_status(fault)
            )

    def start(self, report: Report) -> None:
        self._write(f"START RequestId: {report.request_id} Version: {self._function.version}")

    def end(self, report: Report, fault: Fault | None) -> None:
        for line in _fault_lines(report.request_id, fault):
            self._write(line)
        self._write(f"END RequestId: {report.request_id}")
        init = report.init_duration
        self._write_fields(
            f"REPORT RequestId: {report.request_id}",
            f"Duration: {_format_milliseconds(report.duration)}",
            f"Billed Duration: {report.billed_milliseconds} ms",
            f"Memory Size: {report.memory_size} MB",
            f"Max Memory Used: {report.memory_used} MB",
            *([f"Init Duration: {_format_milliseconds(init)}"] if init is not None else []),
            *_status(fault),
            "",
        )

    def _write_fields(self, *fields: str) -> None:
        self._write("\t".join(fields))


class JsonLog:
    def __init__(self, function: Function, write: Write) -> None:
        self._function = function
        self._write = write
        on_demand = function.variables.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        self._init = {"initializationType": on_demand, "phase": "init"}
        self._init_level = "DEBUG" if on_demand == "on-demand" else "INFO"

    def start_init(self) -> None:
        variables = self._function.variables
        runtime = {"runtimeVersion": "python:3.13", "runtimeVersionArn": self._function.runtime_version}
        function = {
            "functionName": variables.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            "functionVersion": self._function.version,
            "instanceId": variables.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
            "instanceMaxMemory": self._function.memory_size * _MEGABYTE,
        }
        self._record("WARN", "initStart", self._init | runtime | function)

    def end_init(self, duration: float, fault: Fault | None) -> None:
        status = self._init | _outcome(fault)
        self._record("WARN" if fault else "DEBUG", "initRuntimeDone", status)
        metrics = {"metrics": {"durationMs": _to_milliseconds(duration)}}
        self._record("WARN" if fault else self._init_level, "initReport", status | metrics)

    def start(self, report: Report) -> None:
        version = {"functionArn": report.function_arn, "version": self._function.version}
        self._record("INFO", "start", {"requestId": report.request_id} | version)

    def end(self, report: Report, fault: Fault | None) -> None:
        request, outcome = {"requestId": report.request_id}, _outcome(fault)
        done = {"metrics": {"durationMs": _to_milliseconds(report.duration), "producedBytes": report.produced_bytes}}
        self._record("WARN" if fault else "DEBUG", "runtimeDone", request | outcome | done)
        metrics: dict[str, float] = {
            "durationMs": _to_milliseconds(report.duration),
            "billedDurationMs": report.billed_milliseconds,
            "memorySizeMB": report.memory_size,
            "maxMemoryUsedMB": report.memory_used,
        }
        if report.init_duration is not None:
            metrics["initDurationMs"] = _to_milliseconds(report.init_duration)
        self._record("WARN" if fault else "INFO", "report", request | {"metrics": metrics} | outcome)

    def _record(self, level: str, kind: str, record: dict[str, Any]) -> None:
        if LEVELS.index(level) >= LEVELS.index(self._function.logging.system_level):
            event = {"time": _now(), "type": f"platform.{kind}", "record": record}
            self._write(json.dumps(event, separators=(",", ":")))


def _fault_lines(request_id: str, fault: Fault | None) -> list[str]:
    """Return the platform's lines about a fault. None for a fault that the runtime client has logged itself."""
    if fault is None or fault.error_type not in (TIMED_OUT, EXITED):
        return []
    if fault.error_type == TIMED_OUT:
        return [f"{_now()} {request_id} {fault.message}"]
    return [f"RequestId: {request_id} Error: {fault.message}", fault.error_type]


def _status(fault: Fault | None) -> list[str]:
    if fault is None:
        return []
    if fault.error_type == TIMED_OUT:
        return ["Status: timeout"]
    return ["Status: error", f"Error Type: {fault.error_type}"]


def _outcome(fault: Fault | None) -> dict[str, str]:
    if fault is None:
        return {"status": "success"}
    if fault.error_type == TIMED_OUT:
        return {"status": "timeout"}
    return {"status": "error", "errorType": fault.error_type}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _format_milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def _to_milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
