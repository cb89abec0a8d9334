"""The plugin as a distribution of its own: a wheel that is complete, and needs nothing of this repository."""

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from email.parser import Parser

import pytest

from millrace_local.instance import ROOT, environment

PLUGIN = ROOT / "localstack" / "millrace_plugin"
PYTHON = environment("local") / "bin" / "python"
OURS = {"millrace_local", "local_stripe", "kernel", "tools", "tests"}
# What each import is called as a distribution; LocalStack's runtime brings the others.
DISTRIBUTIONS = {"confluent_kafka": "confluent-kafka", "yaml": "pyyaml"}
OF_LOCALSTACK = {"botocore", "localstack", "moto", "rolo", "twisted"}
# Of the function's own process, which runs on the functions' interpreter.
OF_FUNCTIONS = {"awslambdaric", "bootstrap"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel, built with the local cloud's own build backend: nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [str(PYTHON), "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=PLUGIN, check=True, capture_output=True)
    (file,) = folder.glob("millrace_plugin-*-py3-none-any.whl")
    with zipfile.ZipFile(file) as archive:
        yield archive


def modules(wheel: zipfile.ZipFile) -> dict[str, ast.Module]:
    return {name: ast.parse(wheel.read(name)) for name in wheel.namelist() if name.endswith(".py")}


def imported(module: ast.Module) -> set[str]:
    """Return the top-level packages that *module* imports, anywhere in it."""
    names = {each.name for node in ast.walk(module) if isinstance(node, ast.Import) for each in node.names}
    names |= {node.module for node in ast.walk(module) if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in names}


def metadata(wheel: zipfile.ZipFile, file: str) -> str:
    (name,) = (each for each in wheel.namelist() if each.endswith(f".dist-info/{file}"))
    return wheel.read(name).decode()


def test_the_wheel_has_every_module_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    expected = {f"millrace_plugin/{file.relative_to(PLUGIN)}" for file in PLUGIN.rglob("*.py")}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == expected


def test_every_entry_point_names_what_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    """LocalStack would load it no sooner than it needs it, and fail then."""
    points = ConfigParser(delimiters=("=",))
    points.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their capitals
    points.read_string(metadata(wheel, "entry_points.txt"))
    targets = [target for section in points.sections() for target in points[section].values()]
    assert len(targets) >= 14
    for target in targets:
        module, _, attribute = target.partition(":")
        body = ast.parse(wheel.read(f"{module.replace('.', '/')}.py")).body
        defined = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert attribute in defined, target


def test_the_wheel_imports_nothing_of_this_repository(wheel: zipfile.ZipFile) -> None:
    assert not {name: imported(module) & OURS for name, module in modules(wheel).items() if imported(module) & OURS}


def test_the_wheel_depends_on_all_that_it_imports(wheel: zipfile.ZipFile) -> None:
    """By its own metadata, or by LocalStack's runtime."""
    needed = Parser().parsestr(metadata(wheel, "METADATA")).get_all("Requires-Dist") or []
    declared = {each.partition(">")[0].partition("=")[0].partition("[")[0].lower() for each in needed}
    standard = sys.stdlib_module_names | {"millrace_plugin"}
    used = set[str]().union(*(imported(module) for module in modules(wheel).values())) - standard - OF_FUNCTIONS
    assert {DISTRIBUTIONS.get(name, name) for name in used - OF_LOCALSTACK} | {"localstack-core"} == declared


def test_the_wheel_carries_the_project_s_license(wheel: zipfile.ZipFile) -> None:
    assert metadata(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_text()


def test_the_readme_names_every_variable_that_the_plugin_reads() -> None:
    """And the other way round, so that a variable that is gone is not described."""
    texts = {str(file): file.read_text() for file in PLUGIN.rglob("*.py")}
    read = {name for text in texts.values() for name in _millrace_names(text)}
    assert read == _millrace_names((PLUGIN / "README.md").read_text())


def _millrace_names(text: str) -> set[str]:
    words = "".join(letter if letter.isupper() or letter == "_" else " " for letter in text).split()
    return {word for word in words if word.startswith("MILLRACE_")}
