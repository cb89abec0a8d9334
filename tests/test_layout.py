"""The tree keeps its promises: what a function is called, where it lies, and what it may know."""

import ast
import functools
import importlib
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kernel.operations.operation import Operation
from kernel.storage import migrations
from millrace_local.instance import ROOT
from tests.kit import imports
from tests.kit.contracts import topics_by_publisher
from tools.template import FUNCTIONS, TEMPLATE, Function, topics, written

DOMAINS = sorted(folder.name for folder in (ROOT / "functions").iterdir() if (folder / "__init__.py").exists())
MODULES = sorted(path for path in (ROOT / "functions").glob("*/*.py"))
KERNEL = sorted((ROOT / "layers" / "shared" / "kernel").rglob("*.py"))
SOURCES = (ROOT / "functions", ROOT / "layers" / "shared")
# Rules: what is allowed, what follows from it, and how it is said. Every domain has some.
RULES = (
    "activity.model",
    "blogs.model",
    *("catalog.holds", "catalog.model"),
    "notes.model",
    "notifications.model",
    "operations.page",
    *("orders.commands", "orders.events", "orders.model", "orders.pricing"),
    *("payments.announcements", "payments.disputes", "payments.model", "payments.pieces", "payments.refunds"),
    *("payments.signature", "payments.stripe_events"),
    "transactions.model",
    *("users.commands", "users.model", "users.passwords", "users.token_families"),
    *("kernel.currencies", "kernel.domains", "kernel.errors", "kernel.free_json", "kernel.texts"),
    *("kernel.storage.found_words", "kernel.web.scopes", "kernel.validation"),
)
# Servers, the environment and the clock. A rule gets what they would tell it as a parameter.
FORBIDDEN_TO_RULES = {
    *("psycopg", "redis", "boto3", "botocore", "kafka", "stripe", "opensearchpy", "aws_lambda_powertools"),
    *("os", "time", "subprocess", "socket", "importlib"),
}
# Modules of the kernel's root may import each other and nothing else of the kernel.
KERNEL_ROOT = {"currencies", "domains", "errors", "free_json", "ids", "settings", "telemetry", "texts", "validation"}
# What else each wing of the kernel may import.
WINGS = {
    "contracts": set[str](),
    "aws": {"root"},
    "storage": {"root", "aws"},
    "messaging": {"root", "aws", "contracts", "storage", "operations"},
    "operations": {"root", "aws"},
    "web": {"root", "aws", "storage"},
}
# The floors of the local cloud, the lowest first, and the modules of its root, on which all of them stand.
FLOORS = ("servers", "deployment", "cloud", "cli")
LOCAL_ROOT = {"files", "instance", "problems", "waiting"}
THIRD_PARTY = {
    *("argon2", "aws_lambda_powertools", "boto3", "botocore", "cryptography", "iso4217", "jwt", "kafka", "msgspec"),
    *("opensearchpy", "psycopg", "redis", "stripe", "zxcvbn"),
}
CONSUMERS = [each for each in FUNCTIONS if each.topics]
DEFAULT_TIMEOUT = written()["Globals"]["Function"]["Timeout"]
SHORTEST_INBOX_RETENTION_DAYS = 14  # of INBOX_RETENTION_DAYS


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


@functools.cache
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


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_domain_knows_only_itself_and_the_kernel(path: Path) -> None:
    """Another domain is reached through its API or its events."""
    allowed = sys.stdlib_module_names | THIRD_PARTY | {"kernel", path.parent.name}

    assert imported(path) <= allowed


def impurities(module: str, folders: Sequence[Path] = SOURCES) -> list[str]:
    """Return what a rule module must not reach and does, each with the module that imports it."""
    return [
        f"{importer} imports {name}"
        for name, importer in imports.reached(module, folders).items()
        if name.partition(".")[0] in FORBIDDEN_TO_RULES or name.endswith(".schemas")
    ]


@pytest.mark.parametrize("module", RULES)
def test_rules_reach_no_server_no_clock_and_no_shape_of_the_api(module: str) -> None:
    """Whatever they import, and whatever that imports: rules are tested alone, and change for their own reasons."""
    assert impurities(module) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import psycopg", "things.rules imports psycopg"),
        ("def late():\n    from redis.client import Redis", "things.rules imports redis"),
        ("if TYPE_CHECKING:\n    import stripe", "things.rules imports stripe"),
        ("from things import clock", "things.clock imports time"),
        ("from .deep import anything", "things.deep imports os.path"),
        ("import things.clock as watch", "things.clock imports time"),
        ("from things.schemas import Shape", "things.rules imports things.schemas"),
        ("import datetime, re, uuid\nfrom things.pure import name", ""),
    ],
)
def test_an_impure_import_is_found_however_it_is_written(tmp_path: Path, text: str, found: str) -> None:
    """At the top, in a function, for types, of a package's module, relative, or further down the chain."""
    files = {"clock": "import time", "deep": "from . import deeper", "deeper": "", "schemas": "", "pure": "name = 1"}
    (tmp_path / "things").mkdir()
    for name, content in {"__init__": "", **files, "rules": text}.items():
        (tmp_path / "things" / f"{name}.py").write_text(content)
    (tmp_path / "things" / "deep.py").write_text("from . import deeper\nimport os.path\nanything = 1")

    impure = impurities("things.rules", [tmp_path])

    assert (found in impure) if found else impure == []


def test_every_domain_has_rules_and_every_model_is_one_of_them() -> None:
    """The list of rule modules is complete."""
    models = {dotted(path) for path in MODULES if path.stem in ("model", "events", "pricing", "holds")}

    assert models <= set(RULES)
    assert {module.partition(".")[0] for module in RULES} == {*DOMAINS, "kernel"}


def test_contracts_import_nothing_but_msgspec() -> None:
    """They are the ground that everything else stands on."""
    allowed = {"msgspec", "collections", "datetime", "decimal", "enum", "typing", "uuid"}
    paths = [path for path in KERNEL if path.parent.name == "contracts"]

    found = {name for path in paths for name in imports.direct(_module(path), SOURCES)}
    assert {name for name in found if name.partition(".")[0] not in allowed} <= {
        "kernel",
        "kernel.contracts",
        *(_module(path) for path in paths),
    }


def test_a_wing_of_the_kernel_imports_only_what_lies_below_it() -> None:
    """The kernel is its root, which is small, and wings, each with the few others that it stands on."""
    for module in map(_module, KERNEL):
        wings = {_wing(name) for name in imports.direct(module, SOURCES) if name.startswith("kernel.")}
        assert wings - {_wing(module)} <= WINGS.get(_wing(module), set()), module


def test_the_kernels_root_has_no_other_modules() -> None:
    """What is new belongs into a wing."""
    root = ROOT / "layers" / "shared" / "kernel"

    assert {path.stem for path in root.glob("*.py")} - {"__init__"} == KERNEL_ROOT
    assert {path.name for path in root.iterdir() if (path / "__init__.py").exists()} <= WINGS.keys()


def test_imports_form_no_circle() -> None:
    """A request and a record go through the modules one way, from the edge down to the server, and do not come back."""
    assert imports.circle([*map(dotted, MODULES), *map(_module, KERNEL)], SOURCES) == []


def test_a_circle_of_imports_is_found(tmp_path: Path) -> None:
    """Even if it is long and one of its imports is in a function."""
    texts = {"a": "import b", "b": "import c", "c": "def late():\n    from a import name", "d": "import a"}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)

    assert imports.circle(["d"], [tmp_path]) == ["a", "b", "c", "a"]


def test_a_floor_of_the_local_cloud_imports_only_what_lies_below_it() -> None:
    """The command stands on the cloud, the cloud on the deployment, the deployment on the servers; all on the root."""
    folder = ROOT / "localstack"
    package = folder / "millrace_local"
    assert {path.stem for path in package.glob("*.py")} - {"__init__"} == LOCAL_ROOT
    assert {path.parent.name for path in package.glob("*/__init__.py")} == set(FLOORS)

    paths = sorted(package.rglob("*.py"))
    modules = [".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    for module in modules:
        floor, *_ = [*module.split(".")[1:], "root"]
        below = {*LOCAL_ROOT, *(FLOORS[: FLOORS.index(floor) + 1] if floor in FLOORS else ())}
        known = {name.split(".")[1] for name in imports.direct(module, [folder]) if name.startswith("millrace_local.")}
        assert known <= below, module
    assert imports.circle(modules, [folder]) == []


@pytest.mark.parametrize("package", ["millrace_plugin", "local_stripe"])
def test_what_runs_in_a_process_of_its_own_knows_nothing_of_the_rest(package: str) -> None:
    """The plugin can be installed alone. The local Stripe has its front door, and the kernel's table of currencies."""
    folder = ROOT / "localstack"
    allowed = {"millrace_plugin"} | ({"local_stripe", "kernel"} if package == "local_stripe" else set())

    ours = {"kernel", "tests", "tools", *DOMAINS, *(each.name for each in folder.iterdir() if each.is_dir())}
    assert {
        str(path): found for path in (folder / package).rglob("*.py") if (found := imported(path) & ours - allowed)
    } == {}


def test_what_is_shipped_needs_no_tests() -> None:
    """Tests and their kit stay at home, and the tools too, but for what the command line runs of them."""
    for path in (*MODULES, *KERNEL, *(ROOT / "localstack").rglob("*.py")):
        tools = set() if "millrace_local" in path.parts else {"tools"}
        assert imported(path) & ({"tests"} | tools) == set(), path


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
    """The one list of topics is complete and well formed; an inbox remembers longer than a topic keeps its records."""
    for name, topic in topics().items():
        assert re.fullmatch(r"[a-z0-9-]+", name)
        assert topic.keys() == {"partitions", "retention_days"}
        assert topic["partitions"] >= 1
        assert 1 <= topic["retention_days"] < SHORTEST_INBOX_RETENTION_DAYS


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


def _module(path: Path) -> str:
    """Return the dotted name of a module of the kernel."""
    parts = path.relative_to(ROOT / "layers" / "shared").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _wing(module: str) -> str:
    wing = module.split(".")[1] if "." in module else "root"
    return "root" if wing in KERNEL_ROOT else wing
