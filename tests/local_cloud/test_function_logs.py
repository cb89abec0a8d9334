"""The functions' logs in files: written by LocalStack's process, found and read by `./millrace logs`."""

import itertools
import stat
import threading
from pathlib import Path

import pytest

from millrace_local.cloud import function_logs
from millrace_local.instance import Instance
from millrace_local.problems import LocalCloudError
from millrace_plugin.lambda_runtime import log_files
from millrace_plugin.lambda_runtime.logs import Event
from tests.kit.servers import free_instance, wait_until

NAME = "orders.create_order"


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return free_instance(tmp_path)


def write(instance: Instance, invocation: str, *messages: str, name: str = NAME) -> None:
    events = [Event(f"{message}\n", timestamp=1_700_000_000_123) for message in messages]
    log_files.append(instance.function_logs, name, [(invocation, events)])


def read(instance: Instance, *, last: int = 50, request_id: str | None = None) -> list[str]:
    file = function_logs.find(instance, NAME)
    lines = function_logs.lines(file, last=last, request_id=request_id, follow=False)
    return [line.split(" ", 2)[2] for line in lines]


def test_a_line_has_its_time_and_its_invocation(instance: Instance) -> None:
    """Each line of a message of several, so that a search finds the invocation of any."""
    write(instance, "i-1", "Traceback\n  line 2")

    text = (instance.function_logs / f"{NAME}.log").read_text()
    assert text == "2023-11-14T22:13:20.123Z i-1 Traceback\n2023-11-14T22:13:20.123Z i-1   line 2\n"


def test_the_application_s_functions_keep_their_files() -> None:
    """A deployment gives another name; a function of the user's own stack may have any handler, and keeps its name."""
    names = [f"millrace-local-OrdersCreateOrder-{end}" for end in ("0a1b2c3d", "3d2c1b0a")]

    assert {log_files.name_of(name, f"{NAME}.handler") for name in names} == {NAME}
    assert log_files.name_of("my-function", "app.handler") == "my-function"


def test_only_the_owner_may_read(instance: Instance) -> None:
    """Whatever the umask of the process is."""
    write(instance, "i-1", "said")
    file = instance.function_logs / f"{NAME}.log"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(instance.function_logs.stat().st_mode) == 0o700


def test_a_file_that_is_full_is_put_aside_once(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """The older one is read too; the one before that is gone."""
    monkeypatch.setattr(log_files, "LARGEST", 100)
    for number in range(6):
        write(instance, f"i-{number}", f"message {number}", "x" * 60)

    assert sorted(path.name for path in instance.function_logs.iterdir()) == [f"{NAME}.log", f"{NAME}.log.1"]
    assert [line for line in read(instance) if "message" in line] == ["message 4", "message 5"]


@pytest.mark.parametrize(
    "name",
    [
        "orders.create_order",
        "orders/create_order.py",
        "functions/orders/create_order.py",
        "OrdersCreateOrder",
        "millrace-local-OrdersCreateOrder-0a1b2c3d",
    ],
)
def test_a_function_has_several_names(instance: Instance, name: str) -> None:
    """Its path in two spellings, its logical id, and what it is called where it is deployed."""
    write(instance, "i-1", "said")

    assert function_logs.find(instance, name).stem == NAME


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("orders.create_ordre", "Did you mean orders.create_order"),
        ("OrderCreateOrder", "Did you mean OrdersCreateOrder"),
        ("zzzzzzzzzzzz", "./millrace logs lists"),
        ("orders.cancel_order", "was not invoked"),
    ],
)
def test_a_name_without_a_log_is_refused_with_a_way_on(instance: Instance, name: str, words: str) -> None:
    """Near names for a misspelt one; another reason for a function that only was not invoked."""
    write(instance, "i-1", "said")

    with pytest.raises(LocalCloudError, match=words):
        function_logs.find(instance, name)


def test_shows_the_last_lines(instance: Instance) -> None:
    write(instance, "i-1", *map(str, range(10)))

    assert read(instance, last=3) == ["7", "8", "9"]


@pytest.mark.parametrize("wanted", ["r-1", "i-1"])
def test_shows_the_invocations_that_mention_an_id(instance: Instance, wanted: str) -> None:
    """All of their lines: the client's id is in one of them. A longer id that begins so is another."""
    write(instance, "i-1", "START", '{"correlation_id":"r-1"}', "END")
    write(instance, "i-10", "START", '{"correlation_id":"r-1-2"}', "END")
    write(instance, "i-2", "START", '{"correlation_id":"r-2"}', "END")

    assert read(instance, request_id=wanted) == ["START", '{"correlation_id":"r-1"}', "END"]


def test_follows_through_a_file_that_is_put_aside(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes is shown, and only what mentions the id."""
    monkeypatch.setattr(function_logs, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(log_files, "LARGEST", 100)
    write(instance, "i-1", "r-1 first", "x" * 100)
    found = function_logs.lines(function_logs.find(instance, NAME), last=50, request_id="r-1", follow=True)
    shown = list(itertools.islice(found, 2))
    reader = threading.Thread(target=lambda: shown.extend(itertools.islice(found, 1)), daemon=True)
    reader.start()
    numbers = itertools.count(2)

    def came() -> bool:
        write(instance, f"i-{next(numbers)}", "r-2 other")
        write(instance, f"i-{next(numbers)}", "r-1 later")
        return not reader.is_alive()

    wait_until(came, seconds=30, what="a later line")
    assert [line.split(" ", 2)[2] for line in shown] == ["r-1 first", "x" * 100, "r-1 later"]
