"""Imports keep the promises of the architecture: rules are pure, wings and floors stand on each other, nothing in circles."""

import ast
import functools
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from millrace_local.instance import ROOT
from tests.kit import imports
from tests.kit.tree import DOMAINS, KERNEL, MODULES, dotted

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
    *("kernel.messaging.retention", "kernel.storage.found_words", "kernel.web.scopes", "kernel.validation"),
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
FLOORS = ("servers", "deployment", "cloud", "mappings", "doctor", "cli")
LOCAL_ROOT = {"files", "instance", "problems", "waiting"}
THIRD_PARTY = {
    *("argon2", "aws_lambda_powertools", "boto3", "botocore", "cryptography", "iso4217", "jsonpath", "jwt", "kafka"),
    *("msgspec", "opensearchpy", "psycopg", "redis", "stripe", "zxcvbn"),
}


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


def _module(path: Path) -> str:
    """Return the dotted name of a module of the kernel."""
    parts = path.relative_to(ROOT / "layers" / "shared").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _wing(module: str) -> str:
    wing = module.split(".")[1] if "." in module else "root"
    return "root" if wing in KERNEL_ROOT else wing
