"""Compare the properties of two versions of a resource as CloudFormation does."""

from typing import Any

Model = dict[str, Any]


def changed_properties(old: Model, new: Model) -> list[str]:
    """Return the names of the properties whose values differ."""
    return sorted(name for name in old.keys() | new.keys() if as_text(old.get(name)) != as_text(new.get(name)))


def as_text(value: object) -> object:
    """Return *value* with its scalars as text: to CloudFormation `60` is `"60"` and `true` is `"true"`."""
    match value:
        case dict():
            return {key: as_text(each) for key, each in value.items()}
        case list():
            return [as_text(each) for each in value]
        case bool():
            return str(value).lower()
        case _:
            return str(value)
