"""Find the members of a request that its API model does not know. LocalStack's parser drops them silently."""

from collections.abc import Iterator
from typing import Any

Shape = Any  # botocore's shapes are untyped


def unknown_members(shape: Shape, value: object, path: str = "") -> Iterator[str]:
    """Yield the path of each member of *value*, a decoded request body, that *shape* does not have."""
    if shape.type_name == "structure" and isinstance(value, dict):
        known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, content in value.items():
            where = f"{path}.{name}" if path else name
            if name in known:
                yield from unknown_members(known[name], content, where)
            else:
                yield where
    elif shape.type_name == "list" and isinstance(value, list):
        for item in value:
            yield from unknown_members(shape.member, item, path)
    elif shape.type_name == "map" and isinstance(value, dict):
        for key, item in value.items():
            yield from unknown_members(shape.value, item, f"{path}.{key}")
