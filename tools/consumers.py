"""The catalogue of consumers: what each consumes, under which names, and what it declares.

`functions/operations/consumers.json` is written from the code, so that commands for replays and dead letters know every
consumer without importing the functions' packages. `./millrace openapi` writes it, tests/test_openapi.py compares.
"""

import importlib
import json
from collections.abc import Iterator
from typing import Any

from kernel.contracts.event import type_of
from kernel.messaging.consumer import Consumer
from millrace_local.instance import ROOT
from tools.template import FUNCTIONS, Function

type Json = dict[str, Any]

FILE = ROOT / "functions" / "operations" / "consumers.json"


def consumers() -> Iterator[tuple[Function, Consumer[Any]]]:
    """Yield each function that consumes a topic, with its consumer, in the order of their names."""
    for function in sorted(FUNCTIONS, key=lambda each: each.module):
        handler = importlib.import_module(function.module).handler
        if isinstance(handler, Consumer):
            yield function, handler


def catalogue() -> list[Json]:
    """Return what commands know of the consumers."""
    return [
        {
            "name": function.module,
            "function": function.logical_id,
            "topic": consumer.topic,
            "group": consumer.group,
            "dead_letter_topic": consumer.dead_letter_topic,
            "types": [type_of(contract) for contract in consumer.contracts],
            "together": consumer.together,
            "ordered": consumer.ordered,
            "generation": consumer.generation,
            "ignores_replays": consumer.ignores_replays,
            "idempotent_without_inbox": consumer.idempotent_without_inbox,
            "projection": list(consumer.projection),
        }
        for function, consumer in consumers()
    ]


def text() -> str:
    """Return what `consumers.json` must contain."""
    return json.dumps(catalogue(), indent=2) + "\n"
