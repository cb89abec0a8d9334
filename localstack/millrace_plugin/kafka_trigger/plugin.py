"""Entry points: LocalStack's hooks for event source mappings, and the patches of its Lambda provider."""

from collections.abc import Callable, MutableMapping
from typing import Any

from localstack.services.lambda_ import hooks
from localstack.services.lambda_.event_source_mapping.pollers.poller import EmptyPollResultsException, Poller
from localstack.utils.patch import patch

from millrace_plugin.kafka_trigger.processing_result import NO_RECORDS
from millrace_plugin.kafka_trigger.settings import (
    DEFAULT_BATCH_SIZE,
    MSK_BLOCK,
    SELF_MANAGED_BLOCK,
    Settings,
    group_id,
    is_self_managed,
)
from millrace_plugin.settings import kafka_bootstrap

Untyped = Any  # LocalStack's provider, context and factory
Configuration = MutableMapping[str, Any]


class KafkaSource(Poller):
    """Carry a mapping's settings through LocalStack's factory to our worker. LocalStack never polls it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def event_source(self) -> str:
        return "aws:kafka"

    def poll_events(self) -> None:
        raise EmptyPollResultsException(service="kafka", source_arn=self.settings.source_arn or "")


@hooks.create_event_source_poller()
def create_event_source_poller(holder: Untyped, service: str, configuration: Configuration) -> None:
    if service == "kafka" or is_self_managed(configuration):
        settings = Settings.from_configuration(configuration, kafka_bootstrap())
        holder.create_poller_fn = lambda **_: KafkaSource(settings)


@hooks.set_event_source_config_defaults()
def set_event_source_config_defaults(defaults: Configuration, request: Configuration, service: str) -> None:
    """Set the defaults of a new mapping (B1, R1, G5). An unset window stays unset (B2, B4)."""
    if service != "kafka" and not is_self_managed(request):
        return
    block = SELF_MANAGED_BLOCK if is_self_managed(request) else MSK_BLOCK
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
    """Patch our worker and our API into the Lambda provider. Its constructor runs this hook."""
    from localstack.services.lambda_.event_source_mapping.esm_worker_factory import (  # noqa: PLC0415 - see below
        EsmWorkerFactory,
    )
    from localstack.services.lambda_.provider import LambdaProvider  # noqa: PLC0415 - it imports the module of the hooks

    from millrace_plugin.kafka_trigger import cloudformation, lambda_api  # noqa: PLC0415 - it needs the provider's modules

    patch(EsmWorkerFactory.get_esm_worker)(_get_esm_worker)
    for wrapper in (
        lambda_api.validate_event_source_mapping,
        lambda_api.create_event_source_mapping_v2,
        lambda_api.update_event_source_mapping_v2,
        lambda_api.delete_event_source_mapping,
    ):
        patch(getattr(LambdaProvider, wrapper.__name__))(wrapper)
    cloudformation.extend_resource_provider()


def _get_esm_worker(original: Callable[[Untyped], Untyped], factory: Untyped) -> Untyped:
    from millrace_plugin.kafka_trigger.worker import KafkaWorker  # noqa: PLC0415 - it needs the provider's modules

    worker = original(factory)
    return KafkaWorker(worker, worker.poller.settings) if isinstance(worker.poller, KafkaSource) else worker
