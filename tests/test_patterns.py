"""The patterns of texts that the API and the events take, in every domain."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from inspect import getmembers, isclass
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel import contracts
from millrace_local.instance import ROOT
from tools import openapi

# What Python's patterns have and those of ECMA 262, which the API's document promises, have not.
PYTHON_ALONE = re.compile(r"\\[AZz]|\(\?[P#aiLmsux(]|\\N\{")


def structures() -> Iterator[type[msgspec.Struct]]:
    """Every structure of the domains and the contracts."""
    names = [f"kernel.contracts.{each.name}" for each in pkgutil.iter_modules(contracts.__path__)]
    folders = [each.parent for each in (ROOT / "functions").glob("*/__init__.py")]
    names += [f"{each.name}.{module.name}" for each in folders for module in pkgutil.iter_modules([str(each)])]
    for name in sorted(names):
        for _, member in getmembers(importlib.import_module(name), isclass):
            if issubclass(member, msgspec.Struct) and member.__module__ == name:
                yield member


def patterns(described: Any) -> Iterator[str]:  # noqa: ANN401 - a type, a field or a tuple of them
    """Every pattern in the description of a type."""
    if isinstance(described, msgspec.inspect.StrType) and described.pattern is not None:
        yield described.pattern
    elif isinstance(described, tuple):
        for each in described:
            yield from patterns(each)
    elif isinstance(described, msgspec.inspect.Type | msgspec.inspect.Field):
        for name in described.__struct_fields__:
            yield from patterns(getattr(described, name))


def documented(value: object) -> Iterator[str]:
    """Every pattern in the API's document."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from [each] if name == "pattern" and isinstance(each, str) else documented(each)
    elif isinstance(value, list):
        for each in value:
            yield from documented(each)


PATTERNS = sorted({each for structure in structures() for each in patterns(msgspec.inspect.type_info(structure))})
# Of free text that may have lines the last may be empty.
OF_ONE_LINE = [each for each in PATTERNS if not re.search(each, "a\nb")]
DOCUMENTED = sorted(set(documented(json.loads(openapi.FILE.read_text()))))


def test_the_names_of_accounts_are_among_them() -> None:
    """The walk reaches fields that are optional, nested, and of named types."""
    for found in (OF_ONE_LINE, DOCUMENTED):
        assert any("@" in each for each in found)
        assert any("pm_" in each for each in found)


@pytest.mark.parametrize("pattern", OF_ONE_LINE)
@given(st.data())
@settings(max_examples=20, deadline=None)
def test_no_text_may_end_in_a_line_feed(pattern: str, data: st.DataObject) -> None:
    """`$` alone matches before a final one: what ends so looks like another text, and is none."""
    text = data.draw(st.from_regex(pattern))

    assert not re.search(pattern, text.rstrip("\n") + "\n")


@pytest.mark.parametrize("pattern", DOCUMENTED)
def test_clients_in_other_languages_can_use_it(pattern: str) -> None:
    """The patterns of the API's document are JavaScript's."""
    assert not PYTHON_ALONE.search(pattern)
    assert "\n" not in pattern
