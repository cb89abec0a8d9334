"""Mend LocalStack's aliases of two versions, and its aliases with provisioned concurrency."""

import contextlib
from collections.abc import Callable
from typing import Any

from localstack.aws.api.lambda_ import ProvisionedConcurrencyStatusEnum
from localstack.services.lambda_ import provider
from localstack.services.lambda_.invocation.assignment import AssignmentService
from localstack.services.lambda_.invocation.lambda_models import AliasRoutingConfig, FunctionVersion
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager
from localstack.services.lambda_.provider_utils import get_function_version
from localstack.utils.patch import patch

Untyped = Any  # LocalStack's provider, context and answers


def install() -> None:
    """Patch LocalStack. Call it before LocalStack looks up the API's operations."""
    patch(provider.LambdaProvider.update_alias)(_update_alias)
    patch(provider.LambdaProvider.delete_alias)(_delete_alias)
    patch(provider.LambdaProvider._create_routing_config_model)(_routing)  # noqa: SLF001 - CreateAlias needs it, too
    patch(LambdaService.get_lambda_version_manager)(_version_manager)
    patch(LambdaVersionManager.update_provisioned_concurrency_config)(_scale)
    patch(AssignmentService.scale_provisioned_concurrency)(_start_and_stop)


def _update_alias(update: Callable[..., Untyped], api: Untyped, context: Untyped, **parameters: Untyped) -> Untyped:
    """Check the versions first, as CreateAlias does. LocalStack's own check fails, because it gets no version."""
    account, region = provider.api_utils.get_account_and_region(parameters["function_name"], context)
    name = provider.api_utils.get_function_name(parameters["function_name"], context)
    function = lambda_stores[account][region].functions.get(name)
    if alias := function.aliases.get(parameters["name"]) if function else None:
        qualifier = parameters.get("function_version") or alias.function_version
        version = get_function_version(function_name=name, qualifier=qualifier, account_id=account, region=region)
        routing = parameters.get("routing_config")
        weights = (routing or {}).get("AdditionalVersionWeights")
        if routing is None and alias.routing_configuration:
            weights = alias.routing_configuration.version_weights
        if weights:
            api._create_routing_config_model(weights, version)  # noqa: SLF001 - raises the error for the client
    return update(api, context, **parameters)


def _routing(
    make: Callable[..., AliasRoutingConfig],
    api: Untyped,
    weights: dict[str, float],
    version: FunctionVersion | None = None,
) -> AliasRoutingConfig:
    return make(api, weights, version) if version else AliasRoutingConfig(version_weights=weights)


def _delete_alias(delete: Callable[..., None], api: Untyped, context: Untyped, **parameters: Untyped) -> None:
    """Delete the alias together with its provisioned environments."""
    account, region = provider.api_utils.get_account_and_region(parameters["function_name"], context)
    name = provider.api_utils.get_function_name(parameters["function_name"], context)
    function = lambda_stores[account][region].functions.get(name)
    if function and parameters["name"] in function.provisioned_concurrency_configs:
        with contextlib.suppress(
            provider.ServiceException
        ):  # it is being scaled: its environments end with the version
            api.delete_provisioned_concurrency_config(
                context, function_name=parameters["function_name"], qualifier=parameters["name"]
            )
    delete(api, context, **parameters)


def _version_manager(get: Callable[..., Untyped], service: LambdaService, function_arn: str) -> Untyped:
    """Find the manager of the version that an alias leads to."""
    try:
        return get(service, function_arn)
    except ValueError:
        *_, region, account, _, name, qualifier = function_arn.split(":")
        function = lambda_stores[account][region].functions.get(name)
        alias = function.aliases.get(qualifier) if function else None
        if not alias:
            raise
        return get(service, function_arn.removesuffix(qualifier) + alias.function_version)


def _scale(update: Callable[..., Untyped], manager: LambdaVersionManager, executions: int) -> Untyped:
    """Show every change as in progress. Invocations meanwhile start environments on demand."""
    with manager.provisioned_state_lock:  # the end of the change takes it too
        done = update(manager, executions)
        manager.provisioned_state.status = ProvisionedConcurrencyStatusEnum.IN_PROGRESS
        return done


def _start_and_stop(scale: Callable[..., list[Untyped]], service: object, *arguments: Untyped) -> list[Untyped]:
    """Return only the futures that start environments, if there are any: LocalStack counts those that stop old ones too."""
    *_, executions = arguments
    done = scale(service, *arguments)
    return done[:executions] or done
