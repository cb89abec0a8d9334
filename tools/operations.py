"""The catalogue of operations: what each is called, what it takes, and which function it is.

`functions/operations/catalogue.json` is written from the code, so that the command line knows every option without
importing the functions' packages. `./millrace openapi` writes it, tests/test_openapi.py compares.
"""

import importlib
import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from kernel.operations.operation import Operation
from millrace_local.instance import ROOT
from tools.template import FUNCTIONS

type Json = dict[str, Any]

FILE = ROOT / "functions" / "operations" / "catalogue.json"
# Of every operation on the command line.
TAKEN = {"help", "json", "profile", "resume", "stage"}
KINDS = ("string", "integer", "number", "boolean")


def operations() -> Iterator[tuple[str, Operation[Any, Any]]]:
    """Yield each operation, in the order of their names, after the logical id of its function."""
    for function in sorted(FUNCTIONS, key=lambda each: each.module):
        handler = importlib.import_module(function.module).handler
        if isinstance(handler, Operation):
            yield function.logical_id, handler


def catalogue() -> list[Json]:
    """Return what the command line offers."""
    return [
        {
            "name": each.name,
            "function": logical_id,
            "description": each.description,
            "options": list(options(each.command)),
        }
        for logical_id, each in operations()
    ]


def options(command: type[Struct]) -> Iterator[Json]:
    """Yield an option for each field of *command*. Its help is the line `*field*: …` of its docstring or of a base's.

    Raises TypeError for a field that no option can give, and LookupError for one that is not explained.
    """
    [_], components = msgspec.json.schema_components([command])
    schema = components[command.__name__]
    documentation = "\n".join(each.__doc__ or "" for each in reversed(command.__mro__))
    explained = dict(re.findall(r"^ *\*(\w+)\*: (.+)$", documentation, re.MULTILINE))
    for field in msgspec.structs.fields(command):
        given = _without_null(schema["properties"][field.encode_name])
        many = given.get("type") == "array"
        item = given["items"] if many else given
        kind = item.get("type", "string" if "enum" in item else None)
        if kind not in KINDS or field.encode_name in TAKEN:
            message = f"{command.__name__}.{field.name} cannot be an option: {item}."
            raise TypeError(message)
        yield {
            "name": field.encode_name,
            "kind": kind,
            "many": many,
            "choices": item.get("enum", []),
            "required": field.required,
            "help": explained[field.name][:1].upper() + explained[field.name][1:],
        }


def _without_null(schema: Json) -> Json:
    """Return the schema of the value that an option gives: no option gives null."""
    alternatives = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return alternatives[0] if len(alternatives) == 1 else schema


def text() -> str:
    """Return what `catalogue.json` must contain."""
    return json.dumps(catalogue(), indent=2) + "\n"
