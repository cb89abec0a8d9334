import pytest

from millrace_plugin.kafka_trigger.conflicts import group_conflict
from tests.local_cloud.kafka_trigger.test_validation import ARN, MSK, OWN, SELF_MANAGED, brokers, mapping

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:g"
LOCAL = "127.0.0.1:9092"
OTHER_ARN = "arn:aws:kafka:us-east-1:000000000000:cluster/other/2-2"
SHARED = {MSK: {"ConsumerGroupId": "shared"}}


def test_g7_a_second_mapping_of_a_group_is_a_conflict_in_the_words_of_aws() -> None:
    """It names source, group and the mapping that exists."""
    conflict = group_conflict(mapping(**SHARED), [mapping(), mapping(**SHARED) | {"UUID": "uuid-2"}], FUNCTION, LOCAL)
    assert conflict == (
        f'An event source mapping with event source ("{ARN}"), function ("{FUNCTION}"), topics ("orders"),'
        ' consumerGroupId ("shared") already exists.'
        " Please update or delete the existing mapping with UUID uuid-2"
    )


@pytest.mark.parametrize(
    "other",
    [
        mapping(Topics=["other"], **SHARED),
        mapping(EventSourceArn=OTHER_ARN, **SHARED),
        mapping(**(OWN | brokers("localhost:9092", "b:9092")), **{SELF_MANAGED: {"ConsumerGroupId": "shared"}}),
        mapping(**{MSK: None}) | {"UUID": "shared"},
    ],
)
def test_g7_a_group_is_one_whatever_leads_to_it(other: dict[str, object]) -> None:
    """Another topic of the source, another name of the local Kafka, or a mapping whose UUID is the group."""
    assert group_conflict(mapping(**SHARED), [other], FUNCTION, LOCAL)


@pytest.mark.parametrize(
    "other",
    [
        mapping(),
        mapping(**{MSK: {"ConsumerGroupId": "another"}}),
        mapping(EventSourceArn=OTHER_ARN, Topics=["other"], **SHARED),
        mapping(**(OWN | brokers("elsewhere:9092")), **{SELF_MANAGED: {"ConsumerGroupId": "shared"}}),
    ],
)
def test_g7_other_groups_and_other_clusters_are_no_conflict(other: dict[str, object]) -> None:
    """Groups of one name on two clusters are two groups."""
    assert group_conflict(mapping(**SHARED), [other], FUNCTION, LOCAL) is None
    assert group_conflict(mapping(), [other], FUNCTION, LOCAL) is None
