"""A function's log: its events as text and as JSON, and what it leaves out."""

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from millrace_plugin.lambda_runtime.environment import Environment
from millrace_plugin.lambda_runtime.invocation import Logging, Outcome
from millrace_plugin.lambda_runtime.output import Decoder, Piece, level_of
from tests.kit.servers import wait_until

if TYPE_CHECKING:
    from tests.local_cloud.lambda_runtime.conftest import Cloud, RunningFunction

type StartFunction = Callable[..., RunningFunction]

SOURCE = (
    "import logging, os\n"
    "def handler(event, context):\n"
    "    print('printed')\n"
    "    for level in ('debug', 'info', 'warning', 'error', 'critical'):\n"
    "        getattr(logging, level)('two\\nlines of %s', level)\n"
    '    print(\'{"level": "debug", "message": "own debug"}\')\n'
    '    print(\'{"level": "WARNING", "message": "own warning"}\')\n'
    "    if event == 'raise': raise ValueError('a\\nb')\n"
    "    if event == 'exit': os._exit(1)\n"
    "    if event == 'sleep': __import__('time').sleep(30)\n"
)


def frame(text: str, kind: int = 0xA55A0003) -> bytes:
    return struct.pack(">IIQ", kind, len(text.encode()), 1) + text.encode()


def pieces(*outputs: bytes) -> list[Piece]:
    decoder = Decoder()
    found = [piece for output in outputs for piece in decoder.feed(output)]
    return [*found, *decoder.end()]


def started(function: "RunningFunction", logging: Logging) -> "RunningFunction":
    """Start the same function with another logging configuration."""
    function.environment.stop()
    variables = dict(function.function.variables)
    if logging.is_json:
        variables |= {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": logging.application_level}
    configured = replace(function.function, logging=logging, variables=variables)
    other = type(function)(configured, Environment(configured))
    other.environment.start()
    return other


def records(outcome: Outcome) -> dict[str, Any]:
    """Return the platform's records of a log by their types."""
    events = [json.loads(event.message) for event in outcome.events if event.message.startswith('{"time":')]
    return {event["type"].removeprefix("platform."): event["record"] for event in events}


def test_lines_and_frames_keep_their_order() -> None:
    """A frame is one piece whatever is in it, and ends the line before it."""
    output = b"one\n\ntwo" + frame("a\nb\n", 0xA55A0017) + b"three\n" + frame("c") + b"rest"
    expected = [Piece("one"), Piece("two"), Piece("a\nb", "ERROR"), Piece("three"), Piece("c"), Piece("rest")]
    assert pieces(output) == expected
    assert pieces(*(bytes([byte]) for byte in output)) == expected


def test_bytes_that_look_like_a_frame_are_text() -> None:
    """Neither a header with an impossible length nor one of another type swallows what follows."""
    texts = [piece.text for piece in pieces(b"\xa5\x5a\x00\x03\xff\xff\xff\xff12345678 x\n\xa5\x5a\x00\x04 y\nz\n")]
    assert texts[-1] == "z"
    assert " x" in "".join(texts)
    assert texts[-2].endswith(" y")


def test_a_line_without_end_is_cut() -> None:
    """A process that never ends its line does not fill the memory."""
    assert [len(piece.text) for piece in pieces(b"x" * 600_000)] == [262_144, 262_144, 75_712]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("plain", "INFO"),
        ('{"level": "debug"}', "DEBUG"),
        ('{"level": "WARNING"}', "WARN"),
        ('{"level": "CRITICAL"}', "FATAL"),
        ('{"level": 3}', "INFO"),
        ('{"level": "NOTICE"}', "INFO"),
        ('{"level": "ERROR"', "INFO"),
        ('["ERROR"]', "INFO"),
    ],
)
def test_the_level_of_printed_output(text: str, level: str) -> None:
    """A JSON object says its level; all else is INFO."""
    assert level_of(Piece(text)) == level


def test_a_message_of_several_lines_is_one_event(start_function: StartFunction) -> None:
    """A stack trace and a logged message have line ends inside, no carriage returns, and events of their own."""
    outcome = start_function(SOURCE).invoke("raise")
    messages = [event.message for event in outcome.events]
    assert "\r" not in outcome.logs
    (trace,) = [message for message in messages if message.startswith("[ERROR] ValueError: a\nb\nTraceback")]
    assert trace.count("\n") > 4
    assert "raise ValueError" in trace
    (warning,) = [message for message in messages if "of warning" in message]
    assert warning.startswith("[WARNING]\t")
    assert warning.endswith("two\nlines of warning\n")
    assert messages.index("printed\n") < messages.index(warning) < messages.index(trace)


def test_an_import_error_is_one_event_too(start_function: StartFunction) -> None:
    """What fails before the first invocation is logged like what fails within it."""
    outcome = start_function("import no_such_module").invoke()
    assert "\r" not in outcome.logs
    assert any("Unable to import module" in event.message and "Traceback" in event.message for event in outcome.events)


def test_json_platform_records(start_function: StartFunction) -> None:
    """With SystemLogLevel DEBUG every record of an initialization and an invocation is written, as on AWS."""
    function = started(start_function(SOURCE), Logging(is_json=True, application_level="FATAL", system_level="DEBUG"))
    outcome = function.invoke()
    written = records(outcome)
    assert list(written) == ["initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report"]
    assert written["initStart"]["runtimeVersion"] == "python:3.13"
    assert written["initStart"]["instanceMaxMemory"] == 128 * 1024 * 1024
    assert written["initReport"]["status"] == "success"
    assert written["start"]["version"] == "$LATEST"
    assert written["start"]["functionArn"] == "arn:aws:lambda:f"
    assert written["runtimeDone"]["metrics"]["producedBytes"] == len(outcome.payload)
    report = written["report"]
    assert report["requestId"] == written["start"]["requestId"]
    assert report["status"] == "success"
    assert set(report["metrics"]) == {
        "durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs",
    }  # fmt: skip
    assert "initDurationMs" not in records(function.invoke())["report"]["metrics"]
    function.environment.stop()


@pytest.mark.parametrize(
    ("level", "expected"),
    [("INFO", ["initStart", "start", "report"]), ("WARN", ["initStart"])],
)
def test_the_system_log_level_is_kept(start_function: StartFunction, level: str, expected: list[str]) -> None:
    """A success writes what AWS maps to the level or above."""
    function = started(start_function(SOURCE), Logging(is_json=True, application_level="FATAL", system_level=level))
    assert list(records(function.invoke())) == expected
    function.environment.stop()


@pytest.mark.parametrize(
    ("event", "outcome"),
    [("sleep", {"status": "timeout"}), ("exit", {"status": "error", "errorType": "Runtime.ExitError"})],
)
def test_a_failure_is_a_warning(start_function: StartFunction, event: str, outcome: dict[str, str]) -> None:
    """The records of an invocation that failed are written at every level, with the status; nothing is text."""
    function = start_function(SOURCE, timeout=0.5)
    function = started(function, Logging(is_json=True, application_level="FATAL", system_level="WARN"))
    function.invoke()
    failed = function.invoke(event)
    written = records(failed)
    assert list(written) == ["runtimeDone", "report"]
    for record in written.values():
        assert outcome.items() <= record.items()
    assert all(isinstance(json.loads(event.message), dict) for event in failed.events)
    function.environment.stop()


@pytest.mark.parametrize(
    ("level", "logged", "printed"),
    [
        ("TRACE", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], ["printed", "own debug", "own warning"]),
        ("INFO", ["INFO", "WARNING", "ERROR", "CRITICAL"], ["printed", "own warning"]),
        ("WARN", ["WARNING", "ERROR", "CRITICAL"], ["own warning"]),
        ("ERROR", ["ERROR", "CRITICAL"], []),
        ("FATAL", ["CRITICAL"], []),
    ],
)
def test_the_application_log_level_is_kept(
    start_function: StartFunction, level: str, logged: list[str], printed: list[str]
) -> None:
    """What the function logs and prints is written from the level on, logged messages as JSON."""
    logging = Logging(is_json=True, application_level=level, system_level="WARN")
    function = started(start_function(SOURCE), logging)
    outcome = function.invoke()
    messages = [json.loads(event.message) for event in outcome.events if '"logger"' in event.message]
    assert [message["level"] for message in messages] == logged
    assert all(message["message"].startswith("two\nlines of ") for message in messages)
    assert [word for word in ("printed", "own debug", "own warning") if word in outcome.logs] == printed
    function.environment.stop()


def test_the_logging_configuration_is_kept(functions: "Cloud") -> None:
    """LogGroup has the events, each whole, in a stream that names the function; the process sees the same names."""
    group = f"/own/{functions.create(SOURCE)}"
    source = (
        f"{SOURCE}    return {{key: value for key, value in os.environ.items() if key.startswith('AWS_LAMBDA_LOG_')}}"
    )
    name = functions.create(
        source,
        LoggingConfig={
            "LogFormat": "JSON",
            "LogGroup": group,
            "ApplicationLogLevel": "ERROR",
            "SystemLogLevel": "INFO",
        },
    )
    variables = functions.invoke(name).payload
    assert functions.invoke(name, "raise").error == "Unhandled"
    stream = variables.pop("AWS_LAMBDA_LOG_STREAM_NAME")
    assert variables == {
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_GROUP_NAME": group,
        "AWS_LAMBDA_LOG_LEVEL": "ERROR",
    }
    assert f"/{name}[$LATEST]" in stream

    def messages() -> list[Any]:
        try:
            events = functions.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)[
                "events"
            ]
        except functions.logs.exceptions.ResourceNotFoundException:
            return []
        return [json.loads(event["message"]) for event in events]

    wait_until(lambda: sum(message.get("type") == "platform.report" for message in messages()) == 2)
    (raised,) = [message for message in messages() if message.get("errorType") == "ValueError"]
    assert raised["errorMessage"] == "a\nb"
    assert functions.log_lines(name) == []
