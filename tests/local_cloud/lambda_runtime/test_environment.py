"""An execution environment with the real runtime client, without LocalStack."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from millrace_local.servers.leftovers import has_ended
from millrace_plugin.lambda_runtime.environment import StoppedError
from millrace_plugin.lambda_runtime.errors import RESPONSE_LIMIT
from tests.kit.servers import wait_until

type StartFunction = Callable[..., Any]

WHO = "import os\ndef handler(event, context): return os.getpid()"
ECHO = "def handler(event, context): return event"


def test_a_warm_process_is_used_again(start_function: StartFunction) -> None:
    """Invocations one after the other are run by one process, and only the first has an Init Duration."""
    function = start_function(WHO)
    first, second = function.invoke(), function.invoke()
    assert first.payload == second.payload
    assert "Init Duration" in first.logs
    assert "INIT_START" in first.logs
    assert "Init Duration" not in second.logs


@pytest.mark.parametrize("size", [0, 100, 2_000_000, 6_000_000])
def test_payloads_pass_whole_in_both_directions(start_function: StartFunction, size: int) -> None:
    """An event of up to 6 MB comes back as it was sent, characters beyond ASCII included."""
    event = {"text": "x" * size, "other": "Zoë 🎉"}
    assert start_function(ECHO).answer(event) == event


def test_the_context_describes_the_invocation(start_function: StartFunction) -> None:
    """The handler's context has the request's id, the invoked ARN, the client context, the trace and the deadline."""
    function = start_function(
        "import os\n"
        "def handler(event, c):\n"
        "    return [c.aws_request_id, c.invoked_function_arn, c.memory_limit_in_mb, c.client_context.custom,\n"
        "            c.get_remaining_time_in_millis(), os.environ['_X_AMZN_TRACE_ID']]"
    )
    outcome = function.invoke(client_context=json.dumps({"custom": {"a": "é"}}), trace_id="Root=1-2-3")
    request_id, arn, memory, custom, remaining, trace = json.loads(outcome.payload)
    assert f"START RequestId: {request_id} " in outcome.logs
    assert (arn, memory, custom, trace) == ("arn:aws:lambda:f", "128", {"a": "é"}, "Root=1-2-3")
    assert 4_000 < remaining <= 5_000


def test_an_exception_is_an_error_and_the_process_goes_on(start_function: StartFunction) -> None:
    """A handler that raises answers with the error's type, message and trace, and stays warm."""
    function = start_function(
        "import os\ndef handler(event, context):\n    if event: raise KeyError('x')\n    return os.getpid()"
    )
    before = function.answer()
    failed = function.invoke(1)
    assert failed.is_error
    error = json.loads(failed.payload)
    assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'x'")
    assert "raise KeyError" in "".join(error["stackTrace"])
    assert function.answer() == before


def test_at_the_deadline_the_process_and_its_children_are_killed(start_function: StartFunction) -> None:
    """A function that works too long is ended with all it started; the next invocation has a new process."""
    function = start_function(
        "import os, subprocess, time\n"
        "def handler(event, context):\n"
        "    if not event: return os.getpid()\n"
        "    child = subprocess.Popen(['sleep', '60'])\n"
        "    print('child', child.pid, flush=True)\n"
        "    time.sleep(60)",
        timeout=0.5,
    )
    pid = function.answer()
    began = time.monotonic()
    outcome = function.invoke(1)
    assert 0.5 <= time.monotonic() - began < 10
    child = int(outcome.logs.split("child ")[1].split()[0])
    request_id = outcome.logs.split("START RequestId: ")[1].split()[0]
    assert json.loads(outcome.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: Task timed out after 0.50 seconds",
    }
    assert f"Z {request_id} Task timed out after 0.50 seconds\n" in outcome.logs
    assert "Status: timeout" in outcome.logs
    wait_until(lambda: has_ended(pid) and has_ended(child))
    assert function.answer() not in (pid, None)


@pytest.mark.parametrize(
    ("death", "reason"),
    [
        ("os._exit(7)", "Runtime exited with error: exit status 7"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_process_that_ends_is_reported_and_replaced(start_function: StartFunction, death: str, reason: str) -> None:
    """A crash answers Runtime.ExitError with how it ended, keeps what was printed, and the next invocation works."""
    function = start_function(
        f"import os\ndef handler(event, context):\n    print('before the end')\n    if event: {death}\n    return os.getpid()"
    )
    pid = function.answer()
    outcome = function.invoke(1)
    request_id = outcome.logs.split("START RequestId: ")[1].split()[0]
    assert json.loads(outcome.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: {reason}",
    }
    assert outcome.is_error
    assert "before the end\n" in outcome.logs
    assert "Error Type: Runtime.ExitError" in outcome.logs
    assert function.answer() != pid


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        ("import no_such_module", "app.handler", "Runtime.ImportModuleError", "No module named 'no_such_module'"),
        ("", "app.missing", "Runtime.HandlerNotFound", "Handler 'missing' missing on module 'app'"),
        ("", "nothing", "Runtime.MalformedHandlerName", "Bad handler 'nothing'"),
        ("def handler(:", "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("1 / 0", "app.handler", "ZeroDivisionError", "division by zero"),
        ("import sys; sys.exit(3)", "app.handler", "Runtime.ExitError", "exit status 3"),
    ],
)
def test_a_failed_initialization_answers_at_once(
    start_function: StartFunction, source: str, handler: str, error_type: str, message: str
) -> None:
    """What fails before the first invocation is that invocation's answer, and every later one's, without a wait."""
    function = start_function(source, handler=handler)
    for _ in range(2):
        began = time.monotonic()
        outcome = function.invoke()
        assert time.monotonic() - began < 10
        error = json.loads(outcome.payload)
        assert outcome.is_error
        assert error["errorType"] == error_type
        assert message in error["errorMessage"]
        assert "INIT_REPORT Init Duration" in outcome.logs


def test_a_slow_initialization_is_begun_again_within_the_timeout(
    start_function: StartFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An initialization over its limit is broken off and repeated in the first invocation's own time."""
    monkeypatch.setattr("millrace_plugin.lambda_runtime.environment.INIT_SECONDS", 0.3)
    source = f"import time\ntime.sleep(0.6)\n{WHO}"
    assert isinstance(start_function(source).answer(), int)
    assert start_function(source, timeout=0.4).answer()["errorType"] == "Sandbox.Timedout"


def test_a_response_over_the_limit_is_an_error(start_function: StartFunction) -> None:
    """One byte over 6,291,556 is refused in AWS's words, exactly that many pass, and the function works on."""
    function = start_function("def handler(event, context): return 'x' * (event - 2)")
    assert len(function.invoke(RESPONSE_LIMIT).payload) == RESPONSE_LIMIT == 6_291_556
    outcome = function.invoke(RESPONSE_LIMIT + 1)
    assert outcome.is_error
    assert json.loads(outcome.payload) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }
    assert function.answer(4) == "xx"


def test_a_response_that_is_no_json_is_an_error(start_function: StartFunction) -> None:
    """A result that cannot be written as JSON answers Runtime.MarshalError."""
    error = start_function("def handler(event, context): return {1, 2}").answer()
    assert error["errorType"] == "Runtime.MarshalError"
    assert "Unable to marshal response" in error["errorMessage"]


def test_output_belongs_to_its_invocation(start_function: StartFunction) -> None:
    """Whatever is written, by print, stderr, logging, a file descriptor or a child, is in its own invocation's log."""
    function = start_function(
        "import logging, os, subprocess, sys\n"
        "print('at init')\n"
        "def handler(event, context):\n"
        "    print(f'print-{event}\\nsecond-{event}')\n"
        "    print(f'stderr-{event}', file=sys.stderr)\n"
        "    logging.warning('logging-%s', event)\n"
        "    os.write(1, b'\\xff\\x00 raw\\n')\n"
        "    subprocess.run(['echo', f'child-{event}'])\n"
        "    print(f'unfinished-{event}', end='')"
    )
    for number in range(20):
        log = function.invoke(number).logs
        for kind in ("print", "second", "stderr", "logging", "child", "unfinished"):
            assert f"{kind}-{number}\n" in log
            assert f"{kind}-{number - 1}\n" not in log
        assert ("at init" in log) == (number == 0)
        assert log.index("START RequestId") < log.index("print-") < log.index("END RequestId") < log.index("REPORT ")
        assert "\ufffd\x00 raw\n" in log


def test_output_after_the_answer_goes_to_the_next_invocation(start_function: StartFunction) -> None:
    """What a thread writes after the handler returned is not lost: the next invocation's log begins with it."""
    function = start_function(
        "import threading\n"
        "written = threading.Event()\n"
        "def late():\n"
        "    print('late'); written.set()\n"
        "def handler(event, context):\n"
        "    if event: return written.wait(3)\n"
        "    threading.Timer(0.1, late).start()"
    )
    assert "late" not in function.invoke(0).logs
    assert "late\n" in function.invoke(1).logs


def test_huge_output_is_bounded_and_keeps_its_start_and_end(start_function: StartFunction) -> None:
    """Output of 50 MB neither blocks the function nor is kept whole; its start and end are."""
    function = start_function(
        "import sys\ndef handler(event, context):\n"
        "    print('the start')\n"
        "    for _ in range(50): sys.stdout.write('x' * 999_999 + '\\n')\n"
        "    print('the end')",
        timeout=30,
    )
    log = function.invoke().logs
    assert len(log) < 2_500_000
    assert "the start\n" in log
    assert "the end\n" in log
    assert "bytes of output are left out here" in log


def test_output_without_end_does_not_hold_an_answer_up(start_function: StartFunction) -> None:
    """A thread that writes without pause delays neither the answer nor the deadline."""
    function = start_function(
        "import threading, time\n"
        "def noise():\n"
        "    while True: print('x' * 1000)\n"
        "threading.Thread(target=noise, daemon=True).start()\n"
        "def handler(event, context):\n"
        "    time.sleep(event)\n"
        "    return 'done'",
        timeout=1,
    )
    assert function.answer(0) == "done"
    assert function.answer(5)["errorType"] == "Sandbox.Timedout"


def test_a_process_that_ends_between_invocations_is_replaced_unseen(start_function: StartFunction) -> None:
    """If a warm process has died when the next invocation comes, that one runs in a new process and succeeds."""
    function = start_function(
        "import os, threading\n"
        "def handler(event, context):\n"
        "    threading.Timer(0.05, os._exit, [1]).start()\n"
        "    return os.getpid()"
    )
    pid = function.answer()
    wait_until(lambda: has_ended(pid))
    assert function.answer() != pid


def test_stopping_ends_an_idle_process_and_its_scratch_folder(start_function: StartFunction) -> None:
    """After stop() neither the process nor its /tmp is left."""
    function = start_function("import os\ndef handler(event, context): return [os.getpid(), os.environ['TMPDIR']]")
    pid, scratch = function.answer()
    assert Path(scratch).is_dir()
    function.environment.stop()
    assert has_ended(pid)
    assert not Path(scratch).exists()


def test_stopping_lets_a_running_invocation_finish(start_function: StartFunction) -> None:
    """A function that is updated or deleted while it works does its work, and then its process ends."""
    function = start_function(
        "import os, time\ndef handler(event, context):\n    print('begun')\n    time.sleep(event)\n    return os.getpid()"
    )
    pid = function.answer(0)
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(function.answer(0.5)))
    thread.start()
    wait_until(function.environment._busy.locked)
    function.environment.stop()
    thread.join()
    assert answers == [pid]
    assert has_ended(pid)
    assert not function.function.scratch.exists()


def test_stopping_at_once_is_no_error_of_the_function(start_function: StartFunction) -> None:
    """A running invocation that is broken off raises StoppedError: it must not count as the function's failure."""
    function = start_function("import time\ndef handler(event, context): time.sleep(30)", timeout=60)
    raised = []

    def invoke() -> None:
        try:
            function.invoke()
        except StoppedError as error:
            raised.append(error)

    thread = threading.Thread(target=invoke)
    thread.start()
    wait_until(lambda: function.environment._runtime.init_duration)
    function.environment.stop(at_once=True)
    thread.join(timeout=5)
    assert len(raised) == 1


def test_nothing_is_left_open_by_many_environments(start_function: StartFunction) -> None:
    """Threads, descriptors and children are as many after a hundred faults and stops as before."""
    source = "import os\ndef handler(event, context):\n    if event: os._exit(1)"
    start_function(source).environment.stop()
    me = psutil.Process()
    before = (me.num_fds(), threading.active_count(), len(me.children()))
    for _ in range(10):
        function = start_function(source)
        for crash in (0, 1, 0, 1, 0):
            function.invoke(crash)
        function.environment.stop()
    assert (me.num_fds(), threading.active_count(), len(me.children())) == before


def test_a_function_does_not_outlive_a_killed_owner(start_function: StartFunction, tmp_path: Path) -> None:
    """After kill -9 of the process that started them, neither a function nor its child goes on."""
    function = start_function(WHO)
    pids = tmp_path / "pids"
    (Path(function.function.variables["LAMBDA_TASK_ROOT"]) / "app.py").write_text(
        "import os, subprocess, pathlib, time\n"
        "def handler(event, context):\n"
        "    child = subprocess.Popen(['sleep', '60'])\n"
        "    pathlib.Path(event + '.new').write_text(f'{os.getpid()} {child.pid}')\n"
        "    os.rename(event + '.new', event)\n"
        "    time.sleep(60)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(pids), *map(str, (function.function.python, function.function.scratch))],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(sys.path), "VARIABLES": json.dumps(function.function.variables)},
    )
    wait_until(pids.exists)
    function_pid, child_pid = map(int, pids.read_text().split())
    owner.kill()
    owner.wait()
    wait_until(lambda: has_ended(function_pid) and has_ended(child_pid))


_OWNER = """
import json, os, sys
from pathlib import Path
from millrace_plugin.lambda_runtime.environment import Environment
from millrace_plugin.lambda_runtime.invocation import Function, Invocation
pids, python, scratch = sys.argv[1:]
variables = json.loads(os.environ["VARIABLES"])
function = Function(Path(python), "app.handler", variables, Path(scratch), "1", 60, 128, "")
environment = Environment(function)
environment._start()
environment.invoke(Invocation("i", "arn", json.dumps(pids).encode()))
"""
