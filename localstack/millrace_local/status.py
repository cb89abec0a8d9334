"""What state each part of a local cloud is in, as plain data."""

import xmlrpc.client
from typing import Any

import psutil
from botocore.exceptions import BotoCoreError, ClientError

from millrace_local import aws, stack, supervision
from millrace_local.instance import Instance
from millrace_local.lag import lag
from millrace_local.services import SERVICES
from millrace_local.services.service import NotReadyError, Service

type Row = dict[str, Any]


def status(instance: Instance) -> dict[str, list[Row]]:
    """`{"parts": […], "functions": […], "mappings": […]}`; the last two are empty while LocalStack is down."""
    known = _supervised(instance)
    parts = [_part(instance, service, known.get(service.name, {})) for service in SERVICES]
    if parts[-1]["state"] != "up":
        return {"parts": parts, "functions": [], "mappings": []}
    functions = aws.client(instance, "lambda")
    try:
        names = stack.function_names(instance)
        found = {"functions": _functions(names, functions), "mappings": _mappings(instance, names, functions)}
    except (BotoCoreError, ClientError) as error:
        # LocalStack went down, or the stack changed, while it was asked.
        parts[-1]["problem"] = str(error)
        found = {"functions": [], "mappings": []}
    return {"parts": parts, **found}


def _supervised(instance: Instance) -> dict[str, Row]:
    try:
        return supervision.processes(instance)
    except (OSError, xmlrpc.client.Error):
        return {}


def _part(instance: Instance, service: Service, process: Row) -> Row:
    row: Row = {
        "name": service.name,
        "state": "down",
        "port": instance.ports[service.ports[0]],
        "pid": process.get("pid") or None,
        "memory_mb": None,
        "version": service.version(),
        "problem": None,
    }
    try:
        service.check_ready(instance)
        row["state"] = "up"
    except (NotReadyError, OSError) as error:
        row["problem"] = process.get("spawnerr") or str(error)
    if row["pid"]:
        row["memory_mb"] = _memory_of_tree(row["pid"]) >> 20
    return row


def _memory_of_tree(pid: int) -> int:
    """Bytes that a server and its children hold for themselves; memory they share is counted once per process."""
    try:
        process = psutil.Process(pid)
        return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def _functions(names: dict[str, str], functions: Any) -> list[Row]:  # noqa: ANN401 - a boto3 client
    pages = functions.get_paginator("list_functions").paginate()
    deployed = {function["FunctionName"]: function for page in pages for function in page["Functions"]}
    return [
        {
            "name": logical_id,
            "handler": deployed[name]["Handler"],
            "timeout_s": deployed[name]["Timeout"],
            "memory_mb": deployed[name]["MemorySize"],
        }
        for logical_id, name in sorted(names.items())
        if name in deployed
    ]


def _mappings(instance: Instance, names: dict[str, str], functions: Any) -> list[Row]:  # noqa: ANN401 - a boto3 client
    logical_ids = {name: logical_id for logical_id, name in names.items()}
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    return [_mapping(instance, logical_ids, mapping) for mapping in mappings if mapping.get("Topics")]


def _mapping(instance: Instance, logical_ids: dict[str, str], mapping: Row) -> Row:
    function, [topic] = mapping["FunctionArn"].split(":")[6], mapping["Topics"]
    settings = mapping.get("AmazonManagedKafkaEventSourceConfig") or {}
    group = settings.get("ConsumerGroupId") or mapping["UUID"]
    return {
        "function": logical_ids.get(function, function),
        "topic": topic,
        "group": group,
        "state": mapping["State"],
        "last_result": mapping.get("LastProcessingResult"),
        "lag": lag(instance.kafka_bootstrap, group, topic),
    }
