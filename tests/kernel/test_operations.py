"""The edge of operations: what they take, when they stop, how they go on, and what is told of them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import Struct

from kernel.errors import ConflictError, UnavailableError
from kernel.operations.operation import Operation, Run, operation
from kernel.operations.progress import Progress
from tests.kit.lambda_events import Context
from tests.kit.operations import part, run

SCHEDULED = {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "resources": ["a"], "detail": {}}


class Copy(Struct, frozen=True, forbid_unknown_fields=True):
    """Copy *words*. *loud*: in capitals."""

    words: list[str] = []
    loud: bool = False


class Passing(Context):
    """Each look at the clock finds ten seconds gone."""

    def get_remaining_time_in_millis(self) -> int:
        self.milliseconds -= 10_000
        return self.milliseconds


class Copier:
    """A store that each part writes one word to, as a transaction does; *fails* is raised before a part."""

    def __init__(self) -> None:
        self.copied: list[str] = []
        self.fails: dict[int, Exception] = {}

    def operation(self, part_seconds: float = 5) -> Operation[Copy, int]:
        @operation(Copy, cursor=int, part_seconds=part_seconds)
        def handler(command: Copy, run: Run[int]) -> Iterator[Progress[int]]:
            for position in range(run.cursor or 0, len(command.words)):
                if error := self.fails.pop(position, None):
                    raise error
                word = command.words[position]
                self.copied[position:] = [word.upper() if command.loud else word]
                run.count(words_copied=1)
                yield Progress(position + 1, len(command.words), position + 1)
            yield Progress(len(command.words), len(command.words), None, self.copied)

        return handler


@pytest.fixture
def copier() -> Copier:
    return Copier()


def test_runs_to_the_end_and_tells_what_it_did(copier: Copier) -> None:
    """Within one invocation, if there is time."""
    answer = copier.operation()({"words": ["a", "b"], "loud": True}, Context())

    assert answer == {"done": 2, "total": 2, "next": None, "result": ["A", "B"], "error": None}


def test_is_a_value_that_knows_what_it_takes(copier: Copier) -> None:
    """A catalogue is made of it: name, domain, description and command."""
    found = copier.operation()

    assert (found.name, found.domain, found.command, found.place) == (__name__, "tests", Copy, int)
    assert found.description == "What they take, when they stop, how they go on, and what is told of them."
    with pytest.raises(AttributeError):
        found.name = "other"  # type: ignore[misc]


def test_stops_before_the_deadline_and_goes_on_with_the_cursor_alone(copier: Copier) -> None:
    """No part begins with less time than a part may take; the cursor holds the command."""
    words = list("abcdefg")
    copies = copier.operation(part_seconds=25)
    answer = copies({"words": words, "loud": True}, Passing(milliseconds=60_000))

    assert (answer["done"], answer["total"], copier.copied) == (3, 7, ["A", "B", "C"])
    answer = copies({"cursor": answer["next"]}, Passing(milliseconds=60_000))
    assert (answer["done"], answer["next"] is None) == (6, False)
    answer = copies({"cursor": answer["next"]}, Passing(milliseconds=60_000))
    assert (answer["done"], answer["next"], answer["result"]) == (7, None, list("ABCDEFG"))


def test_does_nothing_if_there_is_no_time_for_a_part(copier: Copier) -> None:
    """The answer says so, and the same request may succeed later."""
    answer = copier.operation(part_seconds=30)({"words": ["a"]}, Context(milliseconds=29_000))

    assert (answer["done"], answer["next"], copier.copied) == (0, None, [])
    assert answer["error"]["retry"]
    assert "Less than 30 s are left" in answer["error"]["message"]


def test_answers_when_the_caller_wants_to_see_progress(copier: Copier) -> None:
    """`seconds` is counted from the start; 0 is one part."""
    copies = copier.operation()
    answers = [part(copies, words=["a", "b"])]
    while answers[-1]["next"]:
        answers.append(part(copies, answers[-1]["next"]))

    assert [answer["done"] for answer in answers] == [1, 2, 2]


@pytest.mark.parametrize("killed_at", range(5))
def test_a_kill_between_any_two_parts_loses_nothing(copier: Copier, killed_at: int) -> None:
    """The last cursor that arrived leads to the part that was lost, as often as it is lost."""
    words, copies = list("abcd"), copier.operation()
    cursor: dict[str, Any] | None = None
    for number in range(5):
        for _ in range(2 if number == killed_at else 1):  # the first answer is lost
            answer = part(copies, cursor) if cursor else part(copies, words=words)
        cursor = answer["next"]

    assert cursor is None
    assert copier.copied == words


def test_a_failure_that_may_pass_is_told_with_the_place_to_go_on(copier: Copier) -> None:
    """What was done before it is kept."""
    copier.fails = {2: UnavailableError("The database is down.")}
    copies = copier.operation()
    answer = copies({"words": ["a", "b", "c"]}, Context())

    assert (answer["done"], answer["total"], answer["result"]) == (2, 3, None)
    assert answer["error"] == {"message": "The database is down.", "fields": [], "retry": True}
    assert copies({"cursor": answer["next"]}, Context())["result"] == ["a", "b", "c"]


def test_a_failure_at_once_leads_back_to_where_it_was_to_begin(copier: Copier) -> None:
    """Without a cursor there is none; with one it is the same, and so are the numbers."""
    copies = copier.operation()
    copier.fails = {0: ConflictError("No.")}
    first = copies({"words": ["a", "b"]}, Context())
    assert (first["done"], first["total"], first["next"], first["error"]["retry"]) == (0, None, None, False)

    cursor = part(copies, words=["a", "b"])["next"]
    copier.fails = {1: ConflictError("No.")}
    again = copies({"cursor": cursor}, Context())
    assert (again["done"], again["total"], again["next"]) == (1, 2, cursor)


def test_a_bug_fails_the_invocation(copier: Copier) -> None:
    """Lambda counts and shows it; nobody takes it for an answer."""
    copier.fails = {0: ZeroDivisionError()}
    with pytest.raises(ZeroDivisionError):
        copier.operation()({"words": ["a"]}, Context())


def test_an_operation_that_ends_without_saying_so_is_a_bug() -> None:
    """Its caller would go on for ever."""

    @operation(Copy, cursor=int, part_seconds=0)
    def handler(_command: Copy, _run: Run[int]) -> Iterator[Progress[int]]:
        yield Progress(1, 2, 1)

    with pytest.raises(RuntimeError, match="last progress"):
        handler({}, Context())


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        ({"wrods": ["a"]}, {"wrods"}),
        ({"words": "a", "loud": 1, "x": None}, {"words", "loud", "x"}),
        ({"words": ["a", 2]}, {"words[1]"}),
        ({"seconds": -1}, {"seconds"}),
        ({"cursor": 7}, {"cursor"}),
        ({"cursor": {"command": {}, "at": 1}}, {"cursor.done", "cursor.total"}),
        ({"cursor": {"command": {}, "at": "one", "done": 0, "total": 0}}, {"cursor.at"}),
        ({"cursor": {"command": {"no": 1}, "at": 1, "done": 0, "total": 0}}, {"cursor.command.no"}),
        ({"cursor": {"command": {}, "at": 1, "done": 0, "total": 0}, "loud": True}, {"loud"}),
        (None, set()),
        (["words"], set()),
    ],
)
def test_a_wrong_command_is_answered_with_every_field_that_is_wrong(
    copier: Copier, payload: object, fields: set[str]
) -> None:
    """Nothing is done, and the answer says what the operation takes."""
    answer = copier.operation()(payload, Context())

    assert {field["path"] for field in answer["error"]["fields"]} == fields
    assert "words, loud" in answer["error"]["message"]
    assert (answer["done"], answer["error"]["retry"], copier.copied) == (0, False, [])


def test_an_operation_of_one_part_takes_no_cursor() -> None:
    """It would have no effect."""

    @operation(Copy)
    def handler(_command: Copy, _run: Run[None]) -> Iterator[Progress[None]]:
        yield Progress(1, 1)

    answer = handler({"cursor": {"command": {}, "at": 1, "done": 0, "total": None}}, Context())
    assert [field["path"] for field in answer["error"]["fields"]] == ["cursor"]


def test_a_schedule_gives_an_empty_command(copier: Copier) -> None:
    """EventBridge's event has fields of its own, which are not the command's."""
    assert copier.operation()(SCHEDULED, Context())["error"] is None


def test_a_scheduled_operation_that_stops_fails_the_invocation(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody reads its answer: Lambda counts an error, repeats it, and an alarm on `Errors` sees it."""

    @operation(Copy)
    def handler(_command: Copy, _run: Run[None]) -> Iterator[Progress[None]]:
        yield from ()
        message = "the index is down"
        raise UnavailableError(message)

    with pytest.raises(UnavailableError, match="index is down"):
        handler(SCHEDULED, Context())
    [line] = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "_aws" in each]
    assert line["failed"] == [1]


@pytest.mark.parametrize(
    "wrong",
    [
        type("Thawed", (Struct,), {"__annotations__": {}}, forbid_unknown_fields=True),
        type("Open", (Struct,), {"__annotations__": {}}, frozen=True),
        type("Taken", (Struct,), {"__annotations__": {"cursor": int}}, frozen=True, forbid_unknown_fields=True),
    ],
)
def test_a_command_that_would_take_what_has_no_effect_is_refused_in_the_code(wrong: type[Struct]) -> None:
    """Unknown fields are forbidden, and the edge's own names are not the command's."""
    with pytest.raises(TypeError, match="must be frozen"):
        operation(wrong)


@pytest.mark.parametrize(("fails", "failed"), [({}, 0), ({1: UnavailableError("down")}, 1), ({1: KeyError()}, 1)])
def test_publishes_the_metrics_of_each_invocation(
    copier: Copier, capsys: pytest.CaptureFixture[str], fails: dict[int, Exception], failed: int
) -> None:
    """The operation's own counts, whether it failed, and how long it took; also if it was a bug."""
    copier.fails = fails
    try:
        copier.operation()({"words": ["a", "b"]}, Context())
    except KeyError:
        assert failed
    [line] = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "_aws" in each]

    assert (line["component"], line["words_copied"], line["failed"]) == (__name__, [2 - failed], [failed])
    assert line["duration_ms"][0] >= 0


def test_the_result_of_the_last_part_is_what_a_test_sees(copier: Copier) -> None:
    """The kit's `run` refuses an operation that did not end."""
    assert run(copier.operation(), words=["a"]) == ["a"]
    with pytest.raises(AssertionError, match="wrods"):
        run(copier.operation(), wrods=["a"])
