import boto3

from millrace_plugin.kafka_trigger.api_members import unknown_members

SHAPE = (
    boto3.client("lambda", region_name="us-east-1")
    .meta.service_model.operation_model("CreateEventSourceMapping")
    .input_shape
)


def test_members_that_the_model_lacks_are_found_at_any_depth() -> None:
    """In structures, lists and maps."""
    request = {
        "Topics": ["t"],
        "Nonsense": 1,
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:9092"]}, "Port": 1},
        "SourceAccessConfigurations": [{"Type": "VPC_SUBNET", "URI": "subnet:s", "Name": "n"}],
    }
    assert sorted(unknown_members(SHAPE, request)) == [
        "Nonsense",
        "SelfManagedEventSource.Port",
        "SourceAccessConfigurations.Name",
    ]


def test_a_request_of_the_model_has_no_unknown_member() -> None:
    """Values are not looked at."""
    request = {"FunctionName": "f", "FilterCriteria": {"Filters": [{"Pattern": "{}"}]}, "Tags": {"any": "thing"}}
    assert not list(unknown_members(SHAPE, request))
