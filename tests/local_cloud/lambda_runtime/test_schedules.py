"""A schedule that invokes a function, on a real LocalStack."""

from typing import TYPE_CHECKING

from tests.kit.servers import wait_until

if TYPE_CHECKING:
    from tests.local_cloud.lambda_runtime.conftest import Cloud


def test_the_scheduler_invokes(functions: "Cloud", scheduled: str) -> None:
    """A scheduled rule invokes its target with its input: the schedule that the open LocalStack runs."""
    wait_until(lambda: "invoked by a schedule" in functions.log_lines(scheduled), seconds=120)
