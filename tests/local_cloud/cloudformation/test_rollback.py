"""A failed operation leaves the stack as it was, and the next one starts from there."""

from tests.local_cloud.cloudformation.stacks import Stack
from tests.local_cloud.cloudformation.templates import failing, returning, with_function

TOPIC = {"Type": "AWS::SNS::Topic"}


def test_a_failed_update_undoes_what_it_changed_created_replaced_and_removed(stack: Stack) -> None:
    """Code and variables, a new resource, a replacement and a resource that the template no longer has."""
    old = {"Environment": {"Variables": {"COLOUR": "red"}}}
    named = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{stack.name}-a"}}
    assert stack.deploy(with_function(returning(1), old, Old=TOPIC, Queue=named)) == "CREATE_COMPLETE"
    before = stack.physical_ids()

    new = {"Environment": {"Variables": {"COLOUR": "blue"}}}
    replaced = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{stack.name}-b"}}
    broken = with_function(returning(2), new, New=TOPIC, Queue=replaced, Bad=failing("Function", "New", "Queue"))
    assert stack.deploy(broken) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.physical_ids() == before
    assert stack.invoke() == [1, "red"]
    queues = stack.client("sqs").list_queues(QueueNamePrefix=stack.name)["QueueUrls"]
    assert queues == [before["Queue"]]
    topics = [topic["TopicArn"] for topic in stack.client("sns").list_topics()["Topics"]]
    assert before["Old"] in topics

    assert stack.deploy(with_function(returning(3), new, New=TOPIC)) == "UPDATE_COMPLETE"
    assert stack.invoke() == [3, "blue"]
    assert stack.physical_ids().keys() == {"Role", "Function", "New"}


def test_clients_see_a_rollback_and_no_failure_before_it(stack: Stack) -> None:
    """SAM and the CLI's waiters take UPDATE_FAILED for the end."""
    stack.deploy(with_function(returning(1)))
    stack.deploy(with_function(returning(2), Bad=failing("Function")))
    assert stack.statuses[-3:] == ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
    assert "there-is-no-such-function" in stack.reason("Bad")


def test_a_failed_creation_leaves_nothing_and_can_be_repeated(stack: Stack) -> None:
    """The function that had been made is gone; the stack takes another template."""
    assert stack.deploy(with_function(returning(1), Bad=failing("Function"))) == "ROLLBACK_COMPLETE"
    names = [function["FunctionName"] for function in stack.client("lambda").list_functions()["Functions"]]
    assert not [name for name in names if name.startswith(stack.name)]
    assert stack.deploy(with_function(returning(2))) == "UPDATE_COMPLETE"
    assert stack.invoke() == [2, None]


def test_update_stack_fails_as_a_change_set_does(stack: Stack) -> None:
    """LocalStack calls it UPDATE_COMPLETE, whatever came of it."""
    stack.deploy(with_function(returning(1)))
    assert stack.update(with_function(returning(2), {"Runtime": "python9.9"})) == "UPDATE_ROLLBACK_COMPLETE"
    assert "python9.9" in stack.reason("Function")
    assert stack.invoke() == [1, None]
    assert stack.update(with_function(returning(3))) == "UPDATE_COMPLETE"
    assert stack.invoke() == [3, None]
