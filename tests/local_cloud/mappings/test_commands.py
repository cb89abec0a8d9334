"""`./millrace mappings list|explain|pause|resume`, on the local cloud and, with `--stage`, as on AWS."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from millrace_local.cli import mappings
from tests.kit.servers import free_instance, wait_until
from tests.local_cloud.mappings.conftest import NETWORK, WELL, Lab, Mapped
from tests.local_cloud.status.records import write

pytestmark = pytest.mark.usefixtures("here")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(mappings.application, list(arguments))


@pytest.fixture
def mapped(lab: Lab) -> Mapped:
    made = lab.map()
    made.explained_as("idle")
    return made


def test_list_shows_each_mapping_with_what_it_does(mapped: Mapped) -> None:
    """As a table, and as JSON with the offsets of each partition."""
    shown = run("list")
    assert shown.exit_code == 0
    assert mapped.topic[:8] in shown.stdout

    found = {each["uuid"]: each for each in json.loads(run("list", "--json").stdout)}[mapped.uuid]
    assert (found["cause"], found["wrong"], found["lag"], found["state"]) == ("idle", False, 0, "Enabled")
    assert (found["group"], found["batch_size"], found["window_seconds"]) == (mapped.group, 100, 0)


@pytest.mark.parametrize("by", ["uuid", "topic", "function"])
def test_explain_finds_a_mapping_by_any_of_its_names(mapped: Mapped, by: str) -> None:
    """UUID, topic or function."""
    [told] = json.loads(run("explain", str(getattr(mapped, by)), "--json").stdout)

    assert (told["uuid"], told["cause"], told["command"]) == (mapped.uuid, "idle", None)


def test_explain_prints_the_sentence_and_the_command(lab: Lab) -> None:
    """The command begins its own line, so that it can be copied."""
    broken = lab.map(topic="t", bootstrap="127.0.0.1:9")
    broken.explained_as("no_broker")
    shown = run("explain", broken.uuid)

    assert shown.exit_code == 0
    assert "No broker answers at 127.0.0.1:9" in shown.stdout
    assert "→ ./millrace up" in shown.stdout


def test_a_name_that_is_none_is_refused_with_those_that_there_are(mapped: Mapped) -> None:
    """Nothing is guessed."""
    refused = run("explain", "no-such-mapping")

    assert refused.exit_code == 1
    assert mapped.topic in str(refused.exception)


def test_pause_and_resume_wait_for_the_state_and_do_nothing_twice(mapped: Mapped) -> None:
    """A paused mapping leaves its records in the topic, and a resumed one reads them."""
    first, second = (json.loads(run("pause", mapped.uuid, "--json").stdout) for _ in range(2))
    assert (first["state"], first["changed"], second["changed"]) == ("Disabled", True, False)
    mapped.write(2)
    assert mapped.explain().cause == "disabled"

    first, second = (json.loads(run("resume", mapped.uuid, "--json").stdout) for _ in range(2))
    assert (first["state"], first["changed"], second["changed"]) == ("Enabled", True, False)
    mapped.explained_as("idle")
    assert [each["lag"] for each in json.loads(run("list", "--json").stdout) if each["uuid"] == mapped.uuid] == [0]


def test_pausing_what_several_mappings_share_is_refused(lab: Lab, mapped: Mapped) -> None:
    """A topic is no name for a change, if several read it."""
    other = lab.functions.create_event_source_mapping(
        FunctionName=lab.cloud.create(WELL),
        Topics=[mapped.topic],
        StartingPosition="LATEST",
        SelfManagedEventSource={"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [lab.kafka]}},
        SourceAccessConfigurations=NETWORK,
    )
    refused = run("pause", mapped.topic)
    lab.functions.delete_event_source_mapping(UUID=other["UUID"])

    assert refused.exit_code == 1
    assert "names 2 mappings" in str(refused.exception)


def test_a_localstack_that_is_down_is_the_explanation(monkeypatch: pytest.MonkeyPatch, lab: Lab) -> None:
    """One sentence, one command, exit code 1."""
    nobody = free_instance(lab.place.instance.home / "nobody")
    monkeypatch.setenv("MILLRACE_LOCALSTACK_PORT", str(nobody.ports["localstack"]))
    shown = run("explain")

    assert shown.exit_code == 1
    assert "LocalStack does not answer" in shown.stdout
    assert "→ ./millrace up" in shown.stdout


def test_on_aws_a_failing_function_is_told_with_what_lambda_does_not_tell(
    staged: tuple[str, str, str], lab: Lab
) -> None:
    """The same words, the log's command of that stage, and no invented offset."""
    stage, uuid, topic = staged
    write(lab.kafka, topic, 1)

    def told() -> dict[str, Any]:
        [found] = json.loads(run("explain", "notes.on_user_events", "--stage", stage, "--json").stdout)
        return dict(found)

    wait_until(lambda: told()["cause"] == "retrying", seconds=60, what="the failure")
    found = told()
    assert (found["uuid"], found["name"], found["wrong"]) == (uuid, "notes.on_user_events", True)
    assert "Lambda tells neither the record nor the error" in found["sentence"]
    assert found["command"] == f"aws logs tail /millrace/{stage}/notes --since 15m"


def test_on_aws_a_mapping_is_paused_explained_and_resumed(staged: tuple[str, str, str]) -> None:
    """Through Lambda's API, with who did it."""
    stage, uuid, _ = staged
    where = ("--stage", stage, "--json")
    assert json.loads(run("pause", "notes.on_user_events", *where).stdout)["changed"]
    [told] = json.loads(run("explain", uuid, *where).stdout)
    assert told["cause"] == "disabled"
    assert " by " in told["sentence"]
    assert told["command"] == f"./millrace mappings resume notes.on_user_events --stage {stage}"

    assert json.loads(run("resume", uuid, *where).stdout)["changed"]
    [listed] = json.loads(run("list", *where).stdout)
    assert (listed["uuid"], listed["state"], listed["topic"]) == (uuid, "Enabled", staged[2])


def test_a_stage_that_does_not_exist_is_told() -> None:
    """With AWS's own reason."""
    refused = run("list", "--stage", "nowhere")

    assert refused.exit_code == 1
    assert "nowhere" in str(refused.exception)
