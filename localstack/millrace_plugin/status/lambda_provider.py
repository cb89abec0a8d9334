"""LocalStack's Lambda provider, which knows the running environments and the state of each mapping."""

from collections import Counter
from typing import Any

from localstack.services.lambda_.invocation.execution_environment import RuntimeStatus

Untyped = Any  # LocalStack's provider
RUNNING = {RuntimeStatus.STARTING, RuntimeStatus.READY, RuntimeStatus.INVOKING}

_providers: list[Untyped] = []


def keep(provider: Untyped) -> None:
    """Keep the provider that LocalStack has just made."""
    _providers[:] = [provider]


def environments() -> Counter[str]:
    """Return the number of running environments by function ARN, over all versions of the function."""
    counted: Counter[str] = Counter()
    for provider in _providers:
        for by_id in list(provider.lambda_service.assignment_service.environments.values()):
            for each in list(by_id.values()):
                if each.status in RUNNING:
                    counted[each.function_version.id.unqualified_arn()] += 1
    return counted


def mapping_state(uuid: str) -> tuple[str, str] | None:
    """Return the state of a mapping and the reason for it, or None while it has no worker."""
    workers = (provider.esm_workers.get(uuid) for provider in _providers)
    return next((_words(worker.current_state, worker.state_transition_reason) for worker in workers if worker), None)


def _words(state: Untyped, reason: Untyped) -> tuple[str, str]:
    return str(state), str(reason)
