"""JSON Schemas of the API's shapes, from their msgspec types."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TypeAliasType, get_args

import msgspec
from msgspec import Struct, UnsetType

from tools import openapi_examples as examples

type Json = dict[str, Any]

TEMPLATE = "#/components/schemas/{name}"


class Schemas:
    """The schemas of all *taken* (bodies, queries) and *given* (answers) types, which may not be the same."""

    def __init__(self, taken: Iterable[Any], given: Iterable[Any]) -> None:
        taken_structures = dict.fromkeys(_structures(taken))
        given_structures = dict.fromkeys(_structures(given))
        known = [*taken_structures, *given_structures]
        references, self.components = msgspec.json.schema_components(known, ref_template=TEMPLATE)
        self._names = {each: _name(ref) for each, ref in zip(known, references, strict=True)}
        for each in known:
            self._complete(each, always_there=each in given_structures)

    def of(self, wanted: Any) -> Json:  # noqa: ANN401 - a type
        """The schema of *wanted*; `list[A] | list[B]`, which no JSON decoder can tell apart, is given, never taken."""
        if members := _lists_in_union(wanted):
            return {"anyOf": [self.of(each) for each in members]}
        [schema], _ = msgspec.json.schema_components([wanted], ref_template=TEMPLATE)
        return schema

    def fields(self, structure: type[Struct]) -> Iterator[tuple[str, Json, bool]]:
        """Name, schema and whether it is required, of each field of a query, in which there is no null."""
        schema = self.components[self._names[structure]]
        for name, field in schema["properties"].items():
            yield name, _without_null(field), name in schema["required"]

    def example(self, schema: Json) -> object:
        """Return a value that *schema* takes."""
        return examples.of(schema, self.components)

    def drop(self, structures: Iterable[type[Struct]]) -> None:
        """Take away the components of types that are not referred to."""
        for each in structures:
            self.components.pop(self._names[each], None)

    def _complete(self, structure: type[Struct], *, always_there: bool) -> None:
        """What msgspec leaves out: times' format, and that an answer has all its fields, defaults included."""
        schema = self.components[self._names[structure]]
        fields = msgspec.structs.fields(structure)
        for field in fields:
            if datetime in (field.type, *get_args(field.type)):
                _mark_as_time(schema["properties"][field.encode_name])
        if always_there:
            schema["required"] = [each.encode_name for each in fields if UnsetType not in get_args(each.type)]
        if description := schema.get("description"):
            names = {field.name: field.encode_name for field in fields}
            described = re.sub(r"\*(\w+)\*", lambda match: f"`{names.get(match[1], match[1])}`", description)
            schema["description"] = " ".join(re.sub(r"\bNone\b", "null", described).split())


def _structures(types: Iterable[Any]) -> Iterator[type[Struct]]:
    for each in types:
        if isinstance(each, TypeAliasType):
            yield from _structures([each.__value__])
        elif isinstance(each, type) and issubclass(each, Struct):
            yield each
            yield from _structures(field.type for field in msgspec.structs.fields(each))
        else:
            yield from _structures(get_args(each))


def _name(reference: Json) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _lists_in_union(wanted: Any) -> list[Any]:  # noqa: ANN401 - a type
    members = [each for each in get_args(wanted) if getattr(each, "__origin__", None) is list]
    return members if len(members) > 1 else []


def _mark_as_time(schema: Json) -> None:
    for each in (schema, *schema.get("anyOf", ())):
        if each.get("type") == "string":
            each["format"] = "date-time"


def _without_null(schema: Json) -> Json:
    if "anyOf" not in schema:
        return schema
    [kept] = [each for each in schema["anyOf"] if each.get("type") != "null"]
    return {**kept, **{name: value for name, value in schema.items() if name not in ("anyOf", "default")}}
