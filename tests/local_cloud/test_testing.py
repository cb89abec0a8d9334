"""How `./millrace test` runs the tests."""

import pytest

from millrace_local.cli import test as testing


@pytest.mark.parametrize(
    ("arguments", "processes"),
    [
        ([], 2),
        (["--durations=30"], 2),
        (["--numprocesses=0"], 0),
        (["tests/users"], 1),
        (["-k", "duplicate"], 1),
        (["-x", "tests/users/test_log_in.py"], 1),
    ],
)
def test_everything_is_shared_by_two_processes_and_a_selection_is_not(arguments: list[str], processes: int) -> None:
    """What the command is given comes last, so that it counts."""
    shared = [each for each in testing.shared(arguments) if each.startswith("--numprocesses=")]

    assert (int(shared[-1].partition("=")[2]) if shared else 1) == processes
