"""`./millrace mappings seek` with a real trigger, a real group and the operation's own code."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from millrace_local.cli import mappings
from millrace_local.deployment import functions, operations
from millrace_local.mappings import pauses, reading, seeks
from millrace_local.mappings.seeks import Plan, SeekRefusedError
from operations import consumers, seek_group
from tests.kit.databases import Database
from tests.kit.domains import database_fixture
from tests.kit.lambda_events import Context
from tests.kit.operations import LONGEST, known
from tests.local_cloud.kafka_trigger.group_member import librdkafka_member
from tests.local_cloud.mappings.conftest import Lab, Mapped
from tests.local_cloud.test_run import AWS

NAME = "blogs.on_test_events"
operations_domain = database_fixture("operations", redis=False, STAGE="local")


def in_process(*arguments: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - those of `operations.run`
    """Carry out the operation here instead of in a deployed function."""
    payload = arguments[2]
    answer = seek_group.handler(payload, Context(milliseconds=LONGEST))
    if answer["error"]:
        raise operations.OperationFailedError("operations.seek_group", answer)
    yield answer


@pytest.fixture
def operations_database(request: pytest.FixtureRequest) -> Database:
    """The operations domain's database; the module of its name is another one."""
    found: Database = request.getfixturevalue("operations")
    return found


@pytest.fixture
def mapped(lab: Lab, operations_database: Database, monkeypatch: pytest.MonkeyPatch) -> Mapped:
    """A mapping that has read five records, of a consumer that the application has."""
    assert operations_database
    made = lab.map()
    made.write(5)
    made.explained_as("idle")
    monkeypatch.setattr(consumers, "consumers", lambda: (known(NAME, made.topic, made.group),))
    monkeypatch.setattr(functions, "modules", lambda: {made.function: NAME})
    monkeypatch.setattr(operations, "run", in_process)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", lab.kafka)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    for name, value in (lab.place.instance.as_environment() | AWS).items():
        monkeypatch.setenv(name, value)
    # What `Place` has read before is of another function.
    lab.place.__dict__.pop("_modules", None)
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(mappings.application, ["seek", *arguments])


def printed(shown: Result) -> dict[str, Any]:
    """Return the document that was printed, after the operation's own log lines."""
    document: dict[str, Any] = json.loads(shown.stdout[shown.stdout.index("{\n") :])
    return document


def invoked(mapped: Mapped) -> int:
    counters = reading.one(mapped.place, mapped.uuid).counters
    return counters["InvokedEventCount"] if counters else 0


def test_a_seek_is_planned_by_default_and_changes_nothing(mapped: Mapped) -> None:
    """The plan has each partition, the count and the command."""
    shown = run(mapped.uuid, "--to", "earliest", "--json")
    plan = printed(shown)

    assert shown.exit_code == 0
    assert (plan["count"], plan["moved"]) == (5, False)
    assert plan["moves"] == [{"partition": 0, "before": 5, "after": 0, "again": 5, "skipped": 0}]
    text = run(mapped.uuid, "--to", "earliest")
    assert f"./millrace mappings seek {NAME} --to earliest --execute" in text.stderr
    assert mapped.explain().cause == "idle"


def test_a_seek_pauses_moves_and_resumes(mapped: Mapped) -> None:
    """The records are read again, and the mapping works as before."""
    shown = run(mapped.uuid, "--to", "0:2", "--execute", "--expect", "3", "--json")

    assert shown.exit_code == 0, shown.stderr
    assert printed(shown)["moved"]
    mapped.explained_as("idle")
    assert invoked(mapped) == 3


def test_another_count_than_expected_moves_nothing_and_resumes(mapped: Mapped) -> None:
    """The exit code is 1, and the message has the count that there is."""
    refused = run(mapped.uuid, "--to", "earliest", "--execute", "--expect", "4")

    assert isinstance(refused.exception, SeekRefusedError)
    assert "5 records would be" in str(refused.exception)
    mapped.explained_as("idle")
    assert invoked(mapped) == 0


def test_without_a_terminal_the_count_has_to_be_given(mapped: Mapped) -> None:
    """Nobody can confirm: the mapping is not even paused."""
    refused = run(mapped.uuid, "--to", "earliest", "--execute")
    assert (refused.exit_code, mapped.explain().cause) == (2, "idle")
    assert run(mapped.uuid, "--to", "earliest", "--expect", "5").exit_code == 2


def test_a_killed_seek_leaves_it_paused_says_so_and_is_ended_by_the_same_command(mapped: Mapped) -> None:
    """Explain has the command, which then moves and resumes."""

    def killed(_plan: Plan) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seeks.execute(mapped.place, reading.one(mapped.place, mapped.uuid), "0:1", killed, lambda _: None)
    told = mapped.explained_as("disabled", "for a seek to 0:1 by", "which did not end")
    command = f"./millrace mappings seek {NAME} --to 0:1 --execute"
    assert told.command == command

    ended = run(NAME, "--to", "0:1", "--execute", "--expect", "4")
    assert ended.exit_code == 0, ended.exception
    mapped.explained_as("idle")
    assert invoked(mapped) == 4


def test_a_seek_that_was_moved_but_not_resumed_is_ended_too(mapped: Mapped, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to move any more, so any count is taken and the mapping is resumed."""

    def killed(*_: object, **__: object) -> bool:
        raise KeyboardInterrupt

    mapping = reading.one(mapped.place, mapped.uuid)
    with monkeypatch.context() as patched:
        patched.setattr(pauses, "resume", killed)
        with pytest.raises(KeyboardInterrupt):
            seeks.execute(mapped.place, mapping, "earliest", lambda _: True, lambda _: None)
    mapped.explained_as("disabled", "for a seek to earliest")

    assert run(NAME, "--to", "earliest", "--execute", "--expect", "5").exit_code == 0
    mapped.explained_as("idle")
    assert invoked(mapped) == 5


def test_what_somebody_had_paused_stays_paused(mapped: Mapped) -> None:
    """It is moved, and its owner resumes it."""
    stage = mapped.place.stage
    pauses.pause(stage, reading.one(mapped.place, mapped.uuid), lambda _: None)
    assert run(NAME, "--to", "earliest", "--execute", "--expect", "5").exit_code == 0

    assert mapped.explain().cause == "disabled"
    pauses.resume(stage, reading.one(mapped.place, mapped.uuid), lambda _: None)
    mapped.explained_as("idle")
    assert invoked(mapped) == 5


def test_a_group_with_a_foreign_member_is_not_moved_and_the_mapping_is_resumed(
    mapped: Mapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the member."""
    monkeypatch.setattr(seeks, "LEAVING_SECONDS", 3)
    with librdkafka_member(mapped.kafka, mapped.group, mapped.topic, "range") as member:
        refused = run(NAME, "--to", "earliest", "--execute", "--expect", "5")

        assert member is not None
        assert "has other members: rdkafka at" in str(refused.exception)
    mapped.explained_as("idle")


def test_the_group_of_another_application_is_not_moved(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its function is none of the template's."""
    other = lab.map()
    for name, value in (lab.place.instance.as_environment() | AWS).items():
        monkeypatch.setenv(name, value)
    refused = run(other.uuid, "--to", "earliest")

    assert refused.exit_code == 1
    assert "no function of this application" in str(refused.exception)


def test_a_position_that_is_none_is_refused_with_what_there_is(mapped: Mapped) -> None:
    """Before anything is paused."""
    refused = run(NAME, "--to", "0:99")

    assert refused.exit_code == 2
    assert "offset 99 of partition 0" in " ".join(refused.stderr.split())
