"""The places where LocalStack is told of Kafka: its hooks for event source mappings, and three patches of its provider."""

import datetime as dt
import logging
import os
from collections.abc import Callable, MutableMapping
from typing import Any

from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.services.edge import ROUTER
from localstack.services.lambda_ import hooks
from localstack.services.lambda_.api_utils import function_locators_from_arn
from localstack.services.lambda_.event_source_mapping.pollers.poller import EmptyPollResultsException, Poller
from localstack.utils.aws.arns import parse_arn
from localstack.utils.patch import patch
from rolo import Request, Response

from millrace_local.kafka_trigger import validation
from millrace_local.kafka_trigger.health import NO_RECORDS
from millrace_local.kafka_trigger.settings import DEFAULT_BATCH_SIZE, Settings, group_id

LOG = logging.getLogger(__name__)
Untyped = Any  # LocalStack's provider, context and factory
Configuration = MutableMapping[str, Any]


class KafkaSource(Poller):
    """Carries a mapping's settings through LocalStack's factory to our worker; it is never polled."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def event_source(self) -> str:
        return "aws:kafka"

    def poll_events(self) -> None:
        raise EmptyPollResultsException(service="kafka", source_arn=self.settings.source_arn or "")


@hooks.create_event_source_poller()
def create_event_source_poller(holder: Untyped, service: str, configuration: Configuration) -> None:
    if service == "kafka" or is_self_managed(configuration):
        settings = Settings.from_configuration(configuration, os.environ["MILLRACE_KAFKA_BOOTSTRAP"])
        holder.create_poller_fn = lambda **_: KafkaSource(settings)


@hooks.set_event_source_config_defaults()
def set_event_source_config_defaults(defaults: Configuration, request: Configuration, service: str) -> None:
    """B1, R1, G5: what a new mapping is given where the request is silent. An unset window stays unset (B2, B4)."""
    if service != "kafka" and not is_self_managed(request):
        return
    block = "SelfManagedKafkaEventSourceConfig" if is_self_managed(request) else "AmazonManagedKafkaEventSourceConfig"
    defaults.update(
        BatchSize=DEFAULT_BATCH_SIZE,
        DestinationConfig={"OnFailure": {}},
        LastProcessingResult=NO_RECORDS,
        MaximumRetryAttempts=-1,
        MaximumRecordAgeInSeconds=-1,
        BisectBatchOnFunctionError=False,
        FunctionResponseTypes=[],
    )
    defaults[block] = {"ConsumerGroupId": group_id(request) or defaults["UUID"]}


@hooks.inject_layer_fetcher()
def patch_lambda_provider(_provider: Untyped) -> None:
    """Fit our worker and our validation into the Lambda provider; the hook is the one it runs when it is made."""
    from localstack.services.lambda_.event_source_mapping.esm_worker_factory import (  # noqa: PLC0415 - see below
        EsmWorkerFactory,
    )
    from localstack.services.lambda_.provider import LambdaProvider  # noqa: PLC0415 - it imports the module of the hooks

    patch(EsmWorkerFactory.get_esm_worker)(_get_esm_worker)
    patch(LambdaProvider.validate_event_source_mapping)(_validate_event_source_mapping)
    patch(LambdaProvider.update_event_source_mapping_v2)(_update_event_source_mapping)
    ROUTER.add("/_millrace/mappings", _show_mappings)


def is_self_managed(configuration: Configuration) -> bool:
    return bool(configuration.get("SelfManagedEventSource"))


def _is_kafka(configuration: Configuration) -> bool:
    arn = configuration.get("EventSourceArn") or ""
    return is_self_managed(configuration) or (arn.startswith("arn:") and parse_arn(arn)["service"] == "kafka")


def _get_esm_worker(original: Callable[[Untyped], Untyped], factory: Untyped) -> Untyped:
    from millrace_local.kafka_trigger.worker import KafkaWorker  # noqa: PLC0415 - it needs the provider's modules

    worker = original(factory)
    return KafkaWorker(worker, worker.poller.settings) if isinstance(worker.poller, KafkaSource) else worker


def _validate_event_source_mapping(
    original: Callable[..., Untyped], provider: Untyped, context: Untyped, request: Configuration
) -> Untyped:
    """Our checks before LocalStack's, whose texts are stubs; for an update *request* is the mapping as it would be."""
    if _is_kafka(request):
        try:
            validation.check(request, _function_timeout(provider, context, request))
        except validation.InvalidParameterError as error:
            raise InvalidParameterValueException(str(error), Type="User") from error
    result = original(provider, context, request)
    if _is_kafka(request):
        others = [other for other in result[2].event_source_mappings.values() if other["UUID"] != request.get("UUID")]
        for warning in (*validation.warnings(request), *validation.shared_group(request, others)):
            LOG.warning("Mapping of %s on %s: %s", result[1], request["Topics"][0], warning)
    return result


def _function_timeout(provider: Untyped, context: Untyped, request: Configuration) -> int:
    name, _, account, region = function_locators_from_arn(request.get("FunctionName") or request["FunctionArn"])
    find = provider._get_function  # noqa: SLF001 - it answers with the API's own error (V1)
    function = find(name, account or context.account_id, region or context.region)
    return int(function.latest().config.timeout)


def _update_event_source_mapping(
    original: Callable[..., Untyped], provider: Untyped, context: Untyped, request: Configuration
) -> Untyped:
    from localstack.services.lambda_.invocation.models import lambda_stores  # noqa: PLC0415 - as above

    mappings = lambda_stores[context.account_id][context.region].event_source_mappings
    old = mappings.get(request.get("UUID"))
    if old is None or not _is_kafka(old):
        return original(provider, context, request)
    try:
        validation.check_update(old, request)
    except validation.InvalidParameterError as error:
        raise InvalidParameterValueException(str(error), Type="User") from error
    for block in ("AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"):
        if block in request:
            request[block] = (old.get(block) or {}) | request[block]
    answer = original(provider, context, request)
    changed = mappings[old["UUID"]]
    changed.pop("Enabled", None)
    changed["LastModified"] = dt.datetime.now(dt.UTC)
    return answer | {"LastModified": changed["LastModified"]}


def _show_mappings(_request: Request) -> Response:
    """`GET /_millrace/mappings`: per UUID the topic, group, last result and counters of every mapping that polls."""
    from millrace_local.kafka_trigger.worker import KafkaWorker  # noqa: PLC0415 - it needs the provider's modules

    return Response.for_json(
        {
            uuid: {
                "topic": mapping.settings.topic,
                "group": mapping.settings.group,
                "functionArn": mapping.settings.function_arn,
                "lastProcessingResult": mapping.health.result,
                "counters": mapping.counters.as_dict(),
            }
            for uuid, mapping in list(KafkaWorker.running.items())
        }
    )
