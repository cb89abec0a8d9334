"""Find mappings of one consumer group, which would share its records (G7)."""

from collections.abc import Iterable, Mapping
from typing import Any

from millrace_plugin.kafka_trigger.settings import group_id, is_self_managed, self_managed_brokers


def group_conflict(
    request: Mapping[str, Any], others: Iterable[Mapping[str, Any]], function_arn: str, msk_bootstrap: str
) -> str | None:
    """Return AWS's error text if another mapping has the group that *request* asks for, or None.

    request: the parameters of the mapping to be created.
    others: the configurations of all mappings that exist.
    function_arn: the function of the new mapping.
    msk_bootstrap: brokers of all local MSK clusters. They are one Kafka, so two mappings of a topic share their group
        even if their clusters' ARNs differ.
    """
    group, topics = group_id(request), request.get("Topics")
    for other in others:
        if group is None or group != (group_id(other) or other["UUID"]):
            continue
        same_source = _source(request) == _source(other)
        if same_source or (
            topics == other.get("Topics") and _brokers(request, msk_bootstrap) & _brokers(other, msk_bootstrap)
        ):
            sources, names = ",".join(sorted(_source(request))), ",".join(topics or ())
            return (
                f'An event source mapping with event source ("{sources}"), function ("{function_arn}"),'
                f' topics ("{names}"), consumerGroupId ("{group}") already exists.'
                f" Please update or delete the existing mapping with UUID {other['UUID']}"
            )
    return None


def _source(configuration: Mapping[str, Any]) -> frozenset[str]:
    if is_self_managed(configuration):
        return frozenset(self_managed_brokers(configuration))
    return frozenset((configuration["EventSourceArn"],))


def _brokers(configuration: Mapping[str, Any], msk_bootstrap: str) -> frozenset[str]:
    named = self_managed_brokers(configuration) if is_self_managed(configuration) else msk_bootstrap.split(",")
    return frozenset(broker.replace("localhost:", "127.0.0.1:") for broker in named)
