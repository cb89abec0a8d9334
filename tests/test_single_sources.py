"""Each fact is written once: columns, refusals, the ends of lists, scopes, and a module's domain."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from kernel.web.scopes import SCOPES, Scope
from millrace_local.instance import ROOT
from users.commands import ChangeScopes

FUNCTIONS = sorted((ROOT / "functions").glob("*/*.py"))
SHARED = [*FUNCTIONS, *sorted((ROOT / "layers" / "shared" / "kernel").rglob("*.py"))]
# Four columns and more, as a statement lists them.
COLUMN_LIST = re.compile(r"(?:SELECT|RETURNING|SQL\(\s*\")\s*([a-z_]+(?:,\s*[a-z_]+){3,})")


def calls(path: Path, name: str) -> Iterator[ast.Call]:
    """Find the calls of the function *name* in a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def repeated_columns(text: str) -> list[str]:
    """Return the lists of columns that *text* has more than once."""
    lists = Counter(re.sub(r"\s+", " ", found) for found in COLUMN_LIST.findall(text))
    return [columns for columns, count in lists.items() if count > 1]


@pytest.mark.parametrize("path", [each for each in FUNCTIONS if "SELECT" in each.read_text()], ids=named)
def test_a_tables_columns_are_listed_once(path: Path) -> None:
    """A column that is added is added in one place, and none is read that the code does not know."""
    text = path.read_text()

    assert repeated_columns(text) == []
    assert not re.search(r"(?:SELECT|RETURNING) \*\s+FROM (?!unnest|found|forget_)|RETURNING \*", text)


def test_a_repeated_list_of_columns_is_found() -> None:
    """Whatever the white space in it."""
    assert repeated_columns('"SELECT id, name, price, stock FROM a" "RETURNING id, name,\n   price, stock"') == [
        "id, name, price, stock"
    ]


def test_wrong_fields_are_counted_in_one_place() -> None:
    """`kernel.errors.refuse_fields` says how many fields are wrong."""
    texts = {named(path) for path in SHARED if re.search(r"fields?\b.{0,30}(?:is|are) wrong\.", path.read_text())}

    assert texts == {"kernel/errors.py"}


def test_the_greatest_id_is_written_once() -> None:
    """Lists that show the newest first begin with `kernel.storage.keyset`."""
    assert {named(path) for path in SHARED if "1 << 128" in path.read_text()} == {"storage/keyset.py"}


def test_only_the_edge_knows_how_a_list_continues() -> None:
    """`Page.reply` and `Page.next_link` write the header `Link`."""
    assert {named(path) for path in SHARED if '"Link"' in path.read_text()} == {"web/pages.py"}


def test_no_function_spells_its_domain() -> None:
    """Its package says it: `<domain>/database.py` opens its transactions, and the edges ask `kernel.domains`."""
    spelled = {named(path) for path in FUNCTIONS for call in calls(path, "transaction") if call.args}

    assert spelled == set()


def test_every_scope_has_a_meaning_and_can_be_granted() -> None:
    """The registry is one: the types of endpoints, the command of operators, and the command line's help."""
    scopes = sorted(get_args(Scope.__value__))
    help_text = (ROOT / "localstack" / "millrace_local" / "cli" / "scopes.py").read_text()

    assert sorted(SCOPES) == scopes
    assert msgspec.convert({"username": "ann", "grant": scopes}, ChangeScopes).grant == scopes
    for scope, meaning in SCOPES.items():
        assert f"`{scope}`: {meaning}" in help_text
