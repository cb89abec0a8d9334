"""The tree keeps its promises: what a function is called, where it lies, and what belongs to it."""

import ast
import importlib
import json
import re
import sys
from pathlib import Path

import pytest

from kernel.operations.operation import Operation
from kernel.storage import migrations
from millrace_local.instance import ROOT
from tests.kit.contracts import topics_by_publisher
from tests.kit.tree import DOMAINS, MODULES, dotted
from tools.template import FUNCTIONS, TEMPLATE, Function, topics, written

CONSUMERS = [each for each in FUNCTIONS if each.topics]
DEFAULT_TIMEOUT = written()["Globals"]["Function"]["Timeout"]


def defines_handler(path: Path) -> bool:
    names = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    assigned = [
        target.id
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    return "handler" in names + assigned


def test_deploys_every_handler_once() -> None:
    """A module with a handler is in the template, and the template names no other."""
    handlers = sorted(dotted(path) for path in MODULES if defines_handler(path))

    assert sorted(each.module for each in FUNCTIONS) == handlers


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_the_logical_id_spells_the_path(function: Function) -> None:
    """OrdersCreateOrder is orders/create_order.py: `sam build` and people rely on it."""
    domain, module = function.module.split(".")

    assert function.logical_id == domain.title() + "".join(word.title() for word in module.split("_"))
    assert function.properties["Handler"] == f"{function.module}.handler"


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_the_docstring_begins_with_what_calls_the_function(function: Function) -> None:
    """Its routes, its topic, its schedule, or that it is invoked: searching for one finds the module."""
    path = ROOT / "functions" / f"{function.module.replace('.', '/')}.py"
    documentation = ast.get_docstring(ast.parse(path.read_text())) or ""
    told = documentation.partition(": ")[0]

    if function.routes:
        assert told.split(", ") == [f"{method} {route}" for method, route in function.routes]
    elif function.topics:
        assert told.split(", ") == function.topics
    elif function.schedules:
        assert told == f"Schedule {function.schedules[0]}"
    else:
        assert told.startswith("Invoked by ")


INVOKED = [each for each in FUNCTIONS if not each.routes and not each.topics]


@pytest.mark.parametrize("function", INVOKED, ids=str)
def test_what_an_operator_or_a_schedule_invokes_is_an_operation_that_ends_in_time(function: Function) -> None:
    """One protocol for all of them; a part fits into the function's time, and a scheduled one needs no command."""
    handler = importlib.import_module(function.module).handler

    assert isinstance(handler, Operation)
    assert handler.name == function.module
    assert handler.part_seconds < function.properties.get("Timeout", DEFAULT_TIMEOUT)
    if function.schedules:
        assert handler.command()


@pytest.mark.parametrize("folder", [*(ROOT / "functions").glob("*/migrations"), migrations.KERNEL], ids=str)
def test_every_migration_has_a_number_of_its_own(folder: Path) -> None:
    """From 1 on, without a gap: two that were written at the same time are found before a database is asked."""
    numbers = sorted(int(path.name[:4]) for path in folder.glob("*.sql"))

    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("name", DOMAINS)
def test_no_domain_hides_the_standard_library(name: str) -> None:
    """Lambda puts a function's folder, and so its domain, before the standard library."""
    assert name not in sys.stdlib_module_names


def test_the_plugins_folder_is_no_package() -> None:
    """`localstack/__init__.py` would hide LocalStack itself."""
    assert not (ROOT / "localstack" / "__init__.py").exists()


@pytest.mark.parametrize("function", CONSUMERS, ids=str)
def test_a_consumer_has_its_own_group_and_dead_letter_topic(function: Function) -> None:
    """Its environment and its trigger say the same; the topics exist; no other consumer has the group or dead letters."""
    own, variables = function.consumption, function.variables
    others = [each.consumption for each in CONSUMERS if each != function]

    assert own.topic == variables["TOPIC"]
    assert own.group == variables["CONSUMER_GROUP"]
    assert own.dead_letter_topic == variables["DEAD_LETTER_TOPIC"]
    assert {own.topic, own.dead_letter_topic} <= topics().keys()
    assert own.group not in {each.group for each in others}
    assert own.dead_letter_topic not in {each.dead_letter_topic for each in others}


@pytest.mark.parametrize("function", CONSUMERS, ids=str)
def test_a_consumer_is_named_after_its_topic(function: Function) -> None:
    """on_<topic>.py; the group is <domain>-<topic>, except for the names that were published before."""
    own = function.consumption

    assert function.module == f"{function.domain}.on_{own.topic.replace('-', '_')}"
    published_before = ("user-activity-consumer-group", "user-activity-events-dlq")
    by_rule = (f"{function.domain}-{own.topic}", f"{own.topic}-{function.domain}-dlq")
    assert (own.group, own.dead_letter_topic) in {by_rule, published_before}


@pytest.mark.parametrize("function", CONSUMERS, ids=str)
def test_a_consumers_names_are_typed_at_most_twice(function: Function) -> None:
    """Where the code reads them and where the trigger does. Rights refer to them, so that they cannot differ."""
    text = TEMPLATE.read_text()

    for name in (function.consumption.group, function.consumption.dead_letter_topic):
        assert len(re.findall(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)) <= 2


def test_every_topic_has_partitions_and_a_retention() -> None:
    """The one list of topics is complete and well formed."""
    for name, topic in topics().items():
        assert re.fullmatch(r"[a-z0-9-]+", name)
        assert topic.keys() == {"partitions", "retention_days"}
        assert topic["partitions"] >= 1
        assert topic["retention_days"] >= 1


def test_every_topic_is_a_contracts_or_a_consumers() -> None:
    """A topic that nobody publishes and a dead-letter topic that nobody fills would be left over."""
    published = set.union(*topics_by_publisher().values())
    dead_letters = {each.consumption.dead_letter_topic for each in CONSUMERS}

    assert topics().keys() == published | dead_letters


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if each.routes], ids=str)
def test_every_route_is_public_or_names_its_scope(function: Function) -> None:
    """Nobody is let in by forgetting to say who may: the template and the code say the same."""
    handler = importlib.import_module(function.module).handler

    assert function.metadata["Access"] == (handler.scope or "public")


def test_node_packages_are_locked_by_hashes_and_without_addresses() -> None:
    """`npm ci` installs what was tested, from whichever registry the user has."""
    locked = json.loads((ROOT / "requirements" / "npm" / "package-lock.json").read_text())["packages"]
    wanted = json.loads((ROOT / "requirements" / "npm" / "package.json").read_text())["dependencies"]
    packages = [package for path, package in locked.items() if path]

    assert locked[""]["dependencies"] == wanted
    assert all("resolved" not in package and "integrity" in package for package in packages)
