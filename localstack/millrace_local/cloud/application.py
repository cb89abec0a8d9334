"""What is deployed on LocalStack, and how it is: the stack, its functions and their mappings."""

import json
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from millrace_local.cloud.lag import Reading, lags
from millrace_local.cloud.probes import ask
from millrace_local.deployment import aws, stack
from millrace_local.instance import Instance
from millrace_plugin.kafka_trigger.settings import group_id, self_managed_brokers

type Row = dict[str, Any]


@dataclass(frozen=True)
class Application:
    """What LocalStack answered."""

    stack: str | None
    """CloudFormation's status of the stack; None if there is none."""
    names: Mapping[str, str]
    """The deployed name of each function of the stack, by its logical id."""
    functions: Mapping[str, Row]
    """What Lambda has, by deployed name."""
    mappings: Sequence[Row]
    warnings: Mapping[str, Sequence[str]]
    """What a mapping was accepted with although the trigger does not do it, by UUID."""

    @property
    def state(self) -> str:
        if self.stack is None:
            return "missing"
        if self.stack in stack.SERVING:
            return "up"
        return "failed" if self.stack in stack.FAILED else "deploying"

    @property
    def problem(self) -> str | None:
        return {
            "up": None,
            "missing": "The application is not deployed: ./millrace up deploys it.",
            "deploying": f"It is being deployed: {self.stack}.",
            "failed": f"Its deployment failed ({self.stack}): ./millrace up deploys it again.",
        }[self.state]


NOTHING = Application(None, {}, {}, (), {})


def find(instance: Instance) -> Application:
    """Ask LocalStack for everything that is deployed on it."""
    cloudformation, functions = aws.client(instance, "cloudformation"), aws.client(instance, "lambda")
    pages = functions.get_paginator("list_functions").paginate()
    listed = functions.get_paginator("list_event_source_mappings").paginate()
    return Application(
        stack.status(cloudformation),
        stack.function_names(instance),
        {function["FunctionName"]: function for page in pages for function in page["Functions"]},
        [mapping for page in listed for mapping in page["EventSourceMappings"] if mapping.get("Topics")],
        _warnings(instance),
    )


def functions(found: Application) -> list[Row]:
    """Return a row for each function of the application."""
    return [_function(logical_id, found.functions.get(name)) for logical_id, name in sorted(found.names.items())]


def mappings(instance: Instance, found: Application, kafka: str | None, seconds: float) -> list[Row]:
    """Return a row for each Kafka mapping; the brokers have *seconds* to tell its lag.

    *kafka* is the problem of our own brokers, which are not asked then.
    """
    readings: dict[str, list[Reading]] = {}
    for mapping in found.mappings:
        readings.setdefault(_brokers(instance, mapping), []).append(_reading(mapping))
    ours = instance.kafka_bootstrap
    questions: dict[str, Callable[[], dict[Reading, int]]] = {
        brokers: partial(lags, brokers, wanted, seconds)
        for brokers, wanted in readings.items()
        if not (kafka and brokers == ours)
    }
    answers: dict[str, object] = {ours: kafka, **ask(questions, seconds)}
    logical_ids = {name: logical_id for logical_id, name in found.names.items()}
    return [_mapping(logical_ids, found, mapping, answers, _brokers(instance, mapping)) for mapping in found.mappings]


def _function(logical_id: str, deployed: Row | None) -> Row:
    if deployed is None:
        unknown = dict.fromkeys(("handler", "timeout_s", "memory_mb"))
        problem = "The function is gone: ./millrace down and ./millrace up bring it back."
        return {"name": logical_id, "state": "missing", **unknown, "problem": problem}
    state = deployed.get("State") or "Active"
    well = state in {"Active", "Inactive"}
    return {
        "name": logical_id,
        "state": state,
        "handler": deployed.get("Handler"),
        "timeout_s": deployed["Timeout"],
        "memory_mb": deployed["MemorySize"],
        "problem": None if well else deployed.get("StateReason") or f"Its state is {state}.",
    }


def _mapping(
    logical_ids: Mapping[str, str], found: Application, mapping: Row, answers: Mapping[str, object], brokers: str
) -> Row:
    function, (group, topic), answer = mapping["FunctionArn"].split(":")[6], _reading(mapping), answers[brokers]
    behind = answer.get((group, topic)) if isinstance(answer, dict) else None
    last = mapping.get("LastProcessingResult") or ""
    problems = [last] if last.startswith("PROBLEM") else []
    if behind is None:
        why = f"{brokers} has no such topic" if isinstance(answer, dict) else answer
        problems.append(f"The lag is unknown: {why}")
    return {
        "function": logical_ids.get(function, function),
        "topic": topic,
        "group": group,
        "state": mapping["State"],
        "last_result": last or None,
        "lag": behind,
        "warnings": list(found.warnings.get(mapping["UUID"], ())),
        "problem": "; ".join(problems) or None,
    }


def _reading(mapping: Row) -> Reading:
    return group_id(mapping) or mapping["UUID"], mapping["Topics"][0]


def _brokers(instance: Instance, mapping: Row) -> str:
    """Return the bootstrap servers of a mapping's topic; every MSK cluster is the local Kafka."""
    return ",".join(self_managed_brokers(mapping)) or instance.kafka_bootstrap


def _warnings(instance: Instance) -> dict[str, list[str]]:
    with urllib.request.urlopen(f"{instance.localstack_url}/_millrace/mappings", timeout=2) as answer:  # noqa: S310 - loopback
        return {uuid: mapping.get("warnings") or [] for uuid, mapping in json.load(answer).items()}
