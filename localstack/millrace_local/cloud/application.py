"""The application's state, functions and Kafka mappings, as the plugin in LocalStack tells them."""

import urllib.request

import msgspec

from millrace_local.cloud.parts import APPLICATION, Part
from millrace_local.deployment import stack
from millrace_local.instance import STACK, Instance
from millrace_plugin.status.structures import Functions, Mappings

BROKERS_SHARE = 0.75
"""Share of the time limit in which the brokers must answer, so that LocalStack can answer without them."""


def functions(instance: Instance, seconds: float) -> Functions:
    """Read the functions of the application's stack. Raises OSError if LocalStack does not answer."""
    return _read(instance, f"functions?stack={STACK}", seconds, Functions)


def mappings(instance: Instance, seconds: float) -> Mappings:
    """Read the Kafka mappings. Raises OSError if LocalStack does not answer."""
    return _read(instance, f"mappings?timeout={BROKERS_SHARE * seconds:.3f}", seconds, Mappings)


def part(answer: Functions | Exception, mappings_answer: Mappings | Exception) -> Part:
    """Return the application's state from what LocalStack answered about its functions and mappings."""
    if isinstance(answer, Exception):
        problem = f"LocalStack does not tell what is deployed: {answer}"
        return Part(name=APPLICATION, state="unknown", problem=problem)
    if answer.stack is None:
        problem = "The application is not deployed: ./millrace up deploys it."
        return Part(name=APPLICATION, state="missing", problem=problem)
    if answer.stack in stack.SERVING:
        unknown = isinstance(mappings_answer, Exception)
        return Part(
            name=APPLICATION, state="up", problem=f"The mappings are unknown: {mappings_answer}" if unknown else None
        )
    if answer.stack in stack.FAILED:
        problem = f"Its deployment failed ({answer.stack}): ./millrace up deploys it again."
        return Part(name=APPLICATION, state="failed", problem=problem)
    return Part(name=APPLICATION, state="deploying", problem=f"It is being deployed: {answer.stack}.")


def _read[Answer](instance: Instance, what: str, seconds: float, kind: type[Answer]) -> Answer:
    url = f"{instance.localstack_url}/_millrace/v1/{what}"
    with urllib.request.urlopen(url, timeout=seconds) as answer:  # noqa: S310 - loopback
        return msgspec.json.decode(answer.read(), type=kind)
