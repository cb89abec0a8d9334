"""Tell from LocalStack's stores why a mapping's function cannot be invoked."""

from collections.abc import Iterator

from localstack.services.lambda_.invocation.models import lambda_stores

from millrace_plugin.kafka_trigger.conditions import Condition
from millrace_plugin.kafka_trigger.function_arn import parse_function_arn


def read(function_arn: str) -> Iterator[Condition]:
    """Yield why the function, or the version or alias that the ARN names, takes no invocation."""
    region, account, name, qualifier = parse_function_arn(function_arn)
    function = lambda_stores[account][region].functions.get(name)
    if function is None:
        yield Condition(cause="function_missing")
        return
    alias = function.aliases.get(qualifier) if qualifier else None
    version = function.versions.get(alias.function_version if alias else qualifier or "$LATEST")
    if version is None:
        yield Condition(cause="function_missing", detail=f"it has no version or alias {qualifier}")
        return
    state = version.config.state
    if str(state.state) == "Pending":
        yield Condition(cause="function_pending", detail=state.reason)
    elif str(state.state) == "Failed":
        yield Condition(cause="function_failed", detail=state.reason)
    if function.reserved_concurrent_executions == 0:
        yield Condition(cause="concurrency_zero")
