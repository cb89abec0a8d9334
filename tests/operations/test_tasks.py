"""Long commands: one per topic, paused, resumed and cancelled by operators, with an entry in the audit for each."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from kernel.errors import UnavailableError
from operations import change_task, driving, list_audit, list_tasks, live_consumers, replay_events
from tests.kit import operations, topics
from tests.kit.lambda_events import Context
from tests.operations.test_replay_events import produce

pytestmark = pytest.mark.usefixtures("operations")

COUNT = 300


@pytest.fixture
def topic(brokers: str, own_topic: Callable[[], str]) -> str:
    """A topic with events that are replayed to itself."""
    name = own_topic()
    produce(brokers, name, COUNT)
    return name


def begin(topic: str, **options: object) -> str:
    """Begin a replay of which nothing is published yet. Returns its task's id."""
    answer = operations.part(replay_events.handler, topic=topic, execute=True, who="ann", **options)
    return str(answer["next"]["at"]["task"])


def cursor(task: str) -> object:
    [found] = operations.run(list_tasks.handler, task=task)
    return {"command": found["command"], "at": {"task": task}, "done": found["done"], "total": found["total"]}


def refusal(operation: object, payload: dict[str, object]) -> str:
    answer = operation(payload, Context(milliseconds=operations.LONGEST))  # type: ignore[operator]
    return str(answer["error"]["message"])


def test_a_topic_has_one_task_at_a_time(topic: str) -> None:
    """The second one is refused, with the task that keeps the topic and what ends it."""
    task = begin(topic)

    message = refusal(replay_events.handler, {"topic": topic, "execute": True})

    assert f"./millrace tasks resume {task}" in message
    assert f"./millrace tasks cancel {task}" in message
    assert len(operations.run(list_tasks.handler)) == 1


def test_a_paused_task_goes_on_where_it_was(topic: str, brokers: str) -> None:
    """It keeps its topic meanwhile."""
    task = begin(topic, rate="100/s")
    operations.part(replay_events.handler, cursor(task))
    operations.run(change_task.handler, task=task, action="pause", who="bob")

    [paused] = operations.run(list_tasks.handler, task=task)
    assert (paused["state"], paused["explanation"], paused["done"]) == ("paused", "paused by bob", 100)
    assert "is kept by task" in refusal(replay_events.handler, {"topic": topic, "execute": True})

    assert operations.finish(replay_events.handler, cursor(task))["state"] == "done"
    assert len(topics.read(brokers, topic)) == 2 * COUNT


def test_a_pause_ends_an_invocation_under_way(topic: str) -> None:
    """The operator who drives the task reads that it is paused, by whom, and how far it is."""
    task = begin(topic, rate="100/s")
    parts = iter(range(10))

    class Watching(Context):
        def get_remaining_time_in_millis(self) -> int:
            if next(parts) == 2:
                operations.run(change_task.handler, task=task, action="pause", who="bob")
            return 900_000

    answer = replay_events.handler({"cursor": cursor(task)}, Watching())

    assert answer["next"] is None
    assert (answer["result"]["state"], answer["result"]["explanation"]) == ("paused", "paused by bob")
    assert 0 < answer["result"]["published"] < COUNT


def test_a_pause_holds_although_the_command_goes_on(topic: str, brokers: str) -> None:
    """It came between two invocations of the command that drives the task. Only an operator resumes it."""
    begun = operations.part(replay_events.handler, topic=topic, execute=True, rate="100/s")
    going_on = operations.part(replay_events.handler, begun["next"])["next"]
    task = going_on["at"]["task"]
    operations.run(change_task.handler, task=task, action="pause", who="bob")

    result = operations.finish(replay_events.handler, going_on)

    assert (result["state"], result["explanation"], result["published"]) == ("paused", "paused by bob", 100)
    assert len(topics.read(brokers, topic)) == COUNT + 100
    assert operations.finish(replay_events.handler, cursor(task))["state"] == "done"


def test_a_cancelled_task_frees_its_topic_and_cannot_be_resumed(topic: str) -> None:
    """What was published stays published."""
    task = begin(topic)
    operations.run(change_task.handler, task=task, action="cancel")

    assert "is cancelled: there is nothing to resume" in refusal(replay_events.handler, {"cursor": cursor(task)})
    assert "is cancelled already" in refusal(change_task.handler, {"task": task, "action": "pause"})
    assert begin(topic) != task


def test_a_task_slows_down_for_live_consumers_whatever_else_it_watches(
    topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of live consumers took 10 ms before, and take 100 ms now."""
    durations = iter([10.0, 100.0])
    monkeypatch.setattr(live_consumers, "p99", lambda *_: next(durations))
    monkeypatch.setattr(driving, "LOOK_SECONDS", 0)
    task = begin(topic, live_p99="1.5x", stop_on_failures="1%")

    operations.part(replay_events.handler, cursor(task))

    [found] = operations.run(list_tasks.handler, task=task)
    assert found["done"] == 10
    assert (found["checkpoint"]["usual_p99"], found["checkpoint"]["rate"]) == (10, 50)


def test_a_brake_that_cannot_see_is_refused(topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is published."""

    def refuse(*_: object) -> None:
        raise UnavailableError("CloudWatch Logs: no answer")

    monkeypatch.setattr(live_consumers, "p99", refuse)

    message = refusal(replay_events.handler, {"topic": topic, "execute": True, "live_p99": "1.5x"})

    assert message == "CloudWatch Logs: no answer"
    assert operations.run(list_tasks.handler) == []


def test_unknown_tasks_are_refused_with_what_there_is() -> None:
    task = str(uuid4())

    assert refusal(list_tasks.handler, {"task": task}) == (
        f"There is no task {task}. ./millrace tasks list shows those that there are."
    )
    assert "wrong" in refusal(change_task.handler, {"task": "x", "action": "pause"})


def test_the_audit_tells_who_did_what_and_why(topic: str) -> None:
    """The newest first, with what it was about and how much."""
    task = begin(topic, reason="the index was lost")
    operations.run(change_task.handler, task=task, action="cancel", who="bob", reason="wrong topic")

    cancelled, begun = operations.run(list_audit.handler)

    assert (cancelled["who"], cancelled["command"], cancelled["reason"]) == ("bob", "tasks cancel", "wrong topic")
    assert cancelled["counts"] == {"done": 0, "total": COUNT}
    assert (begun["who"], begun["command"], begun["reason"]) == ("ann", "events replay", "the index was lost")
    assert (begun["task_id"], begun["counts"], begun["options"]["topic"]) == (task, {"events": COUNT}, topic)


def test_a_change_on_aws_needs_a_reason(topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan does not."""
    monkeypatch.setenv("STAGE", "prod")

    answer = replay_events.handler({"topic": topic, "execute": True}, Context(milliseconds=operations.LONGEST))

    assert [each["path"] for each in answer["error"]["fields"]] == ["reason"]
    assert operations.run(list_tasks.handler) == []
    assert operations.run(replay_events.handler, topic=topic)["count"] == COUNT


def test_nothing_is_done_if_the_plan_counts_otherwise_by_now(topic: str, brokers: str) -> None:
    message = refusal(replay_events.handler, {"topic": topic, "execute": True, "expect": COUNT - 1})

    assert message.startswith(f"The plan counts {COUNT} now, not {COUNT - 1}. Nothing was done.")
    assert len(topics.read(brokers, topic)) == COUNT
