"""A stack's events are paged like those of AWS."""

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.cloudformation.stacks import Stack


def test_events_are_pages_of_the_newest_first(stack: Stack) -> None:
    """A client that knows the older ones asks for the first page alone."""
    queues = {f"Queue{number}": {"Type": "AWS::SQS::Queue"} for number in range(60)}
    assert stack.deploy({"Resources": queues}) == "CREATE_COMPLETE"
    pages = list(stack.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack.name))
    events = [event for page in pages for event in page["StackEvents"]]

    assert [len(page["StackEvents"]) for page in pages] == [100, len(events) - 100]
    assert len({event["EventId"] for event in events}) == len(events)
    assert events == sorted(events, key=lambda event: event["Timestamp"], reverse=True)
    made = [event["LogicalResourceId"] for event in events if event["ResourceStatus"] == "CREATE_COMPLETE"]
    assert sorted(made) == sorted([*queues, stack.name])


def test_a_token_of_no_page_is_refused(stack: Stack) -> None:
    assert stack.deploy({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}) == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="Ask without one"):
        stack.client("cloudformation").describe_stack_events(StackName=stack.name, NextToken="nobody")
