"""The tree keeps its promises: what a function is called, where it lies, and what it may know."""

import ast
import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kernel.storage import migrations
from millrace_local.instance import ROOT
from tools.template import FUNCTIONS, Function

DOMAINS = sorted(folder.name for folder in (ROOT / "functions").iterdir() if (folder / "__init__.py").exists())
MODULES = sorted(path for path in (ROOT / "functions").glob("*/*.py"))
KERNEL = sorted((ROOT / "layers" / "shared" / "kernel").rglob("*.py"))
FORBIDDEN_TO_MODELS = {"psycopg", "boto3", "kafka", "os"}
THIRD_PARTY = {
    *("argon2", "aws_lambda_powertools", "boto3", "botocore", "cryptography", "iso4217", "jwt", "kafka", "msgspec"),
    *("opensearchpy", "psycopg", "redis", "stripe", "zxcvbn"),
}
CONSUMERS = [each for each in FUNCTIONS if each.topics]


def dotted(path: Path) -> str:
    return f"{path.parent.name}.{path.stem}"


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


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


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


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_domain_knows_only_itself_and_the_kernel(path: Path) -> None:
    """Another domain is reached through its API or its events."""
    allowed = sys.stdlib_module_names | THIRD_PARTY | {"kernel", path.parent.name}

    assert imported(path) <= allowed


def test_a_model_is_pure() -> None:
    """Rules need no server and no environment."""
    models = [path for path in MODULES if path.name == "model.py"]

    assert [path for path in models if imported(path) & FORBIDDEN_TO_MODELS] == []


@pytest.mark.parametrize("path", KERNEL, ids=lambda path: path.stem)
def test_the_kernel_knows_no_domain(path: Path) -> None:
    """It is shared by all and therefore about none; a contract is named after its domain, and knows only the kernel."""
    assert imported(path) <= sys.stdlib_module_names | THIRD_PARTY | {"kernel"}


def test_migrations_need_the_database_driver_only() -> None:
    """The local cloud runs them in an environment that has nothing else of the layer's."""
    path = ROOT / "layers" / "shared" / "kernel" / "storage" / "migrations.py"

    assert imported(path) <= sys.stdlib_module_names | {"psycopg"}


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
    """What it is told by its environment is what its trigger says; the topics exist; nobody else has the group."""
    trigger = function.trigger
    variables = function.properties["Environment"]["Variables"]

    assert trigger["Topics"] == [variables["TOPIC"]]
    assert trigger["ConsumerGroupId"] == variables["CONSUMER_GROUP"]
    assert trigger["DestinationConfig"]["OnFailure"]["Destination"] == f"kafka://{variables['DEAD_LETTER_TOPIC']}"
    assert {variables["TOPIC"], variables["DEAD_LETTER_TOPIC"]} <= _topics().keys()
    groups = [each.trigger["ConsumerGroupId"] for each in CONSUMERS]
    assert groups.count(trigger["ConsumerGroupId"]) == 1


@pytest.mark.parametrize("function", CONSUMERS, ids=str)
def test_a_consumer_is_named_after_its_topic(function: Function) -> None:
    """on_<topic>.py; the group is <domain>-<topic>, except for the names that were published before."""
    domain, module = function.module.split(".")
    [topic] = function.topics

    assert module == f"on_{topic.replace('-', '_')}"
    published_before = ("user-activity-consumer-group", "user-activity-events-dlq")
    names = (function.trigger["ConsumerGroupId"], function.properties["Environment"]["Variables"]["DEAD_LETTER_TOPIC"])
    assert names in {(f"{domain}-{topic}", f"{topic}-{domain}-dlq"), published_before}


def test_every_topic_has_partitions() -> None:
    """The one list of topics is complete and well formed."""
    for name, topic in _topics().items():
        assert re.fullmatch(r"[a-z0-9-]+", name)
        assert topic["partitions"] >= 1


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


def _topics() -> dict[str, dict[str, Any]]:
    topics: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "infra" / "topics.yaml").read_text())["topics"]
    return topics
