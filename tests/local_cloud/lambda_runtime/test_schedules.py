"""What takes a minute: a schedule that invokes a function, and an invocation that lasts longer, on a real LocalStack."""

from typing import TYPE_CHECKING

from tests.kit.servers import wait_until

if TYPE_CHECKING:
    from tests.local_cloud.lambda_runtime.conftest import Cloud


def test_the_scheduler_invokes(functions: "Cloud", scheduled: str) -> None:
    """A scheduled rule invokes its target with its input: the schedule that the open LocalStack runs."""
    wait_until(lambda: "invoked by a schedule" in functions.log_lines(scheduled), seconds=240)


def test_an_asynchronous_invocation_of_more_than_a_minute_runs_once(functions: "Cloud", long_running: str) -> None:
    """A relay runs for a minute. Invoked again while it still ran, relays multiplied on a busy machine."""

    def ended() -> int:
        return functions.log_lines(long_running).count("ran to its end")

    wait_until(ended, seconds=180, what="the first invocation to end")
    assert len(functions.processes(long_running)) <= 1
    assert ended() == 1
