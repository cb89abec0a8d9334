"""`./millrace` chooses its own Python, whatever Python the calling shell is set up for."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from millrace_local.instance import ROOT

# What a shell that works on another project may have, and what it does to python, uv or pip where it gets through.
CHOOSING = {
    "PYENV_VERSION": "3.12",
    "PYENV_DIR": "/",
    "PYENV_VIRTUAL_ENV": "/nowhere",
    "ASDF_PYTHON_VERSION": "3.12",
    "MISE_PYTHON_VERSION": "3.12",
    "VIRTUAL_ENV": "/nowhere",
    "CONDA_PREFIX": "/nowhere",
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/nowhere",
    "PYTHONNOUSERSITE": "1",
    "PYTHONWARNINGS": "error",
    "__PYVENV_LAUNCHER__": "/nowhere/python",
    "UV_PYTHON": "3.12",
    "UV_SYSTEM_PYTHON": "1",
    "UV_MANAGED_PYTHON": "1",
    "UV_PROJECT_ENVIRONMENT": "/nowhere",
    "UV_CONSTRAINT": "/nowhere",
    "UV_EXCLUDE_NEWER": "2020-01-01",
    "UV_NO_BINARY": "1",
    "PIP_TARGET": "/nowhere",
    "PIP_USER": "1",
    "PIP_REQUIRE_VIRTUALENV": "1",
    "NODE_OPTIONS": "--require /nowhere",
    "NODE_PATH": "/nowhere",
    "NODE_ENV": "production",
}
KEPT = {
    "UV_DEFAULT_INDEX": "a mirror",
    "PIP_INDEX_URL": "a mirror",
    "HTTPS_PROXY": "a proxy",
    "MILLRACE_HOME": "a folder",
}
PRINT_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"
SHIM = """\
#!/bin/sh
# As pyenv's: it runs the version that is asked for by the variable or else by the folder's file, if there is one.
[ -z "${PYENV_VERSION:-}${PYENV_DIR:-}${ASDF_PYTHON_VERSION:-}${MISE_PYTHON_VERSION:-}" ] || exit 127
[ "$(cat .python-version)" = 3.13 ] || exit 127
exec "$REAL_PYTHON" "$@"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the wrapper, and in the place of bootstrap.py a program that prints its environment."""
    (tmp_path / "localstack").mkdir()
    (tmp_path / "localstack" / "bootstrap.py").write_text(PRINT_ENVIRONMENT)
    for name in ("millrace", ".python-version"):
        shutil.copy(ROOT / name, tmp_path / name)
    shims = tmp_path / "shims"
    shims.mkdir()
    for name in ("python3.13", "python3", "python"):
        (shims / name).write_text(SHIM)
        (shims / name).chmod(0o755)
    return tmp_path


def environment_of(checkout: Path, **variables: str) -> dict[str, str]:
    """What the wrapper hands on, called in another folder through the shims."""
    base = {"PATH": f"{checkout / 'shims'}:{os.defpath}", "REAL_PYTHON": sys.executable}
    ran = subprocess.run(
        [checkout / "millrace"], env=base | variables, cwd="/", capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, str] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("name", CHOOSING)
def test_a_variable_of_another_python_chooses_nothing(checkout: Path, name: str) -> None:
    """Python 3.13 is found and started, and the variable does not reach what is installed and started."""
    assert name not in environment_of(checkout, **{name: CHOOSING[name]})


def test_a_virtual_environment_with_another_python_first_in_path_changes_nothing(checkout: Path) -> None:
    """`python3` is the environment's; the search goes on to one that is 3.13."""
    other = checkout / "venv"
    other.mkdir()
    (other / "python3").write_text("#!/bin/sh\nexit 1\n")
    (other / "python3").chmod(0o755)

    assert environment_of(checkout, PATH=f"{other}:{checkout / 'shims'}:{os.defpath}", VIRTUAL_ENV=str(checkout))


def test_where_packages_come_from_stays_the_users(checkout: Path) -> None:
    """Mirrors, proxies and our own variables are handed on."""
    assert KEPT.items() <= environment_of(checkout, **KEPT).items()


def test_the_command_works_in_a_pyenv_shell_of_another_python() -> None:
    """The real one, called as a shim of another Python calls it."""
    variables = os.environ | {"PYENV_VERSION": "3.12.0", "PYENV_DIR": "/", "PYTHONHOME": "/nowhere"}
    ran = subprocess.run([ROOT / "millrace", "--help"], env=variables, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
