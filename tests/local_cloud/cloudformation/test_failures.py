"""A failed stack whose request asks for something else than a rollback."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.cloudformation.stacks import Stack
from tests.local_cloud.cloudformation.templates import failing, returning, with_function

RED = {"Environment": {"Variables": {"COLOUR": "red"}}}
BLUE = {"Environment": {"Variables": {"COLOUR": "blue"}}}


def queue(name: str) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}


def refused(stack: Stack, operation: str, **parameters: object) -> str:
    with pytest.raises(ClientError) as refusal:
        getattr(stack.client("cloudformation"), operation)(StackName=stack.name, **parameters)
    return str(refusal.value)


def test_a_creation_without_rollback_stays_and_a_corrected_one_goes_on_from_there(stack: Stack) -> None:
    """What was made stays as it is, what failed is made, and the stack's reason names it."""
    broken = with_function(returning(1), Bad=failing("Function"), Last=queue(f"{stack.name}-last"))
    assert stack.deploy(broken, disable_rollback=True) == "CREATE_FAILED"
    assert "[Bad]" in stack.status_reason
    before = stack.physical_ids()
    assert stack.client("lambda").get_function(FunctionName=before["Function"])

    assert "disable-rollback" in refused(stack, "update_stack", TemplateBody='{"Resources": {}}')
    mended = with_function(returning(2), Last=queue(f"{stack.name}-last"))
    assert stack.deploy(mended, disable_rollback=True) == "UPDATE_COMPLETE"
    assert stack.physical_ids().keys() == {"Role", "Function", "Last"}
    assert stack.physical_ids()["Function"] == before["Function"]
    assert stack.invoke() == [2, None]


def test_an_update_without_rollback_keeps_what_was_done(stack: Stack) -> None:
    """Replacements and removals are kept too, and the end of the update deletes what is left over."""
    stack.deploy(with_function(returning(1), RED, Old=queue(f"{stack.name}-old"), Queue=queue(f"{stack.name}-a")))
    broken = with_function(
        returning(2), BLUE, Queue=queue(f"{stack.name}-b"), Bad=failing("Function", "Queue"), Late=failing("Bad")
    )
    assert stack.deploy(broken, disable_rollback=True) == "UPDATE_FAILED"
    assert stack.invoke() == [2, "blue"]
    assert stack.queues() == [f"{stack.name}-a", f"{stack.name}-b", f"{stack.name}-old"]
    assert stack.statuses[-2:] == ["UPDATE_IN_PROGRESS", "UPDATE_FAILED"]

    mended = with_function(returning(3), BLUE, Queue=queue(f"{stack.name}-b"))
    assert stack.deploy(mended, disable_rollback=True) == "UPDATE_COMPLETE"
    assert stack.invoke() == [3, "blue"]
    assert stack.queues() == [f"{stack.name}-b"]
    assert stack.physical_ids().keys() == {"Role", "Function", "Queue"}


def test_a_resource_whose_update_failed_is_updated_by_the_next_one(stack: Stack) -> None:
    """Half of its update is not kept: neither the one before nor the next would mention it."""
    stack.deploy(with_function(returning(1), RED))
    broken = with_function(returning(2), {"Runtime": "python9.9", **BLUE})
    assert stack.deploy(broken, disable_rollback=True) == "UPDATE_FAILED"
    assert "[Function]" in stack.status_reason
    assert stack.invoke() == [1, "red"]
    assert stack.deploy(with_function(returning(2), BLUE), disable_rollback=True) == "UPDATE_COMPLETE"
    assert stack.invoke() == [2, "blue"]


def test_a_stack_without_rollback_can_be_rolled_back_later(stack: Stack) -> None:
    """After two failed updates it is what it was before the first."""
    stack.deploy(with_function(returning(1), RED, Queue=queue(f"{stack.name}-a")))
    before = stack.physical_ids()
    for number in (2, 3):
        broken = with_function(
            returning(number), BLUE, Queue=queue(f"{stack.name}-{number}"), Bad=failing("Function", "Queue")
        )
        assert stack.deploy(broken, disable_rollback=True) == "UPDATE_FAILED"
    stack.client("cloudformation").rollback_stack(StackName=stack.name)
    assert stack.wait() == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.physical_ids() == before
    assert stack.invoke() == [1, "red"]
    assert stack.queues() == [f"{stack.name}-a"]
    assert stack.deploy(with_function(returning(4))) == "UPDATE_COMPLETE"
    assert stack.invoke() == [4, None]


@pytest.mark.parametrize(("on_failure", "status"), [("DO_NOTHING", "CREATE_FAILED"), ("DELETE", None)])
def test_create_stack_does_what_on_failure_says(stack: Stack, on_failure: str, status: str | None) -> None:
    """DELETE leaves neither the stack nor its queue; the stack that stays can be deleted whole."""
    template = {"Resources": {"Queue": queue(stack.name), "Bad": failing("Queue")}}
    stack.create(template, OnFailure=on_failure)
    assert stack.wait() == str(status)
    assert stack.queues() == ([stack.name] if status else [])
    stack.delete()
    assert stack.queues() == []


def test_a_parameter_without_effect_is_refused(stack: Stack) -> None:
    """It would be taken and not done."""
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    assert "TimeoutInMinutes" in refused(stack, "create_stack", TemplateBody=template, TimeoutInMinutes=5)
    assert "OnFailure or DisableRollback" in refused(
        stack, "create_stack", TemplateBody=template, OnFailure="DELETE", DisableRollback=True
    )
    stack.create({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}, EnableTerminationProtection=True)
    stack.wait()
    assert "TerminationProtection" in refused(stack, "delete_stack")
    stack.client("cloudformation").update_termination_protection(
        StackName=stack.name, EnableTerminationProtection=False
    )
    assert "RollbackStack" in refused(stack, "rollback_stack")
