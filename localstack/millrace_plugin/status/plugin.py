"""Entry points: the routes of LocalStack's port that show functions and mappings.

`GET /_millrace/v1/functions?stack=NAME`: the functions of a stack, by default the application's.
`GET /_millrace/v1/mappings?timeout=SECONDS`: the Kafka mappings; the brokers have that long (2 s) to tell the lag.
`GET /_millrace/mappings`: what the trigger has counted, by mapping.
"""

import math

import msgspec
from localstack.runtime import hooks as runtime_hooks
from localstack.services.edge import ROUTER
from localstack.services.lambda_ import hooks
from rolo import Request, Response

from millrace_plugin.settings import STACK

TIMEOUT_SECONDS = 2.0
LONGEST_TIMEOUT_SECONDS = 60
GET = ["GET", "HEAD"]


@runtime_hooks.on_infra_start()
def add_routes() -> None:
    ROUTER.add("/_millrace/v1/functions", show_functions, methods=GET)
    ROUTER.add("/_millrace/v1/mappings", show_mappings, methods=GET)
    ROUTER.add("/_millrace/mappings", show_counters)


@hooks.inject_layer_fetcher()
def keep_lambda_provider(provider: object) -> None:
    """Keep the Lambda provider; the hook is the one that its constructor runs."""
    from millrace_plugin.status import lambda_provider  # noqa: PLC0415 - it imports the module of the hooks

    lambda_provider.keep(provider)


def show_functions(request: Request) -> Response:
    from millrace_plugin.status import functions  # noqa: PLC0415 - it needs the Lambda provider's modules

    if unknown := _unknown_parameters(request, "stack"):
        return unknown
    return _json(functions.read(request.args.get("stack", STACK)))


def show_mappings(request: Request) -> Response:
    from millrace_plugin.status import mappings  # noqa: PLC0415 - it needs the Lambda provider's modules

    if unknown := _unknown_parameters(request, "timeout"):
        return unknown
    seconds = _seconds(request.args.get("timeout", str(TIMEOUT_SECONDS)))
    if seconds is None:
        return _refuse(f"timeout must be a number of seconds, more than 0 and at most {LONGEST_TIMEOUT_SECONDS}.")
    return _json(mappings.read(seconds))


def show_counters(_request: Request) -> Response:
    """Answer with the mappings by UUID, without what only the brokers know."""
    from millrace_plugin.status import mappings  # noqa: PLC0415 - it needs the Lambda provider's modules

    return Response.for_json(
        {
            each.uuid: {
                "topic": each.topic,
                "group": each.group,
                "bootstrap": each.bootstrap,
                "functionArn": each.function_arn,
                "lastProcessingResult": each.last_result,
                "counters": each.counters,
                "warnings": list(each.warnings),
            }
            for each in mappings.describe()
        }
    )


def _seconds(text: str) -> float | None:
    """Return the time limit that a client wants, or None if it is no usable number."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 < seconds <= LONGEST_TIMEOUT_SECONDS else None


def _unknown_parameters(request: Request, *known: str) -> Response | None:
    unknown = sorted(set(request.args) - set(known))
    return _refuse(f"Unknown parameter: {', '.join(unknown)}. Known: {', '.join(known)}.") if unknown else None


def _refuse(reason: str) -> Response:
    return Response(f"{reason}\n", status=400, mimetype="text/plain")


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), mimetype="application/json")
