"""The files that a function's processes see, with and without mount namespaces."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from millrace_local.instance import environment
from millrace_plugin.lambda_runtime import isolation
from millrace_plugin.lambda_runtime.invocation import Function
from millrace_plugin.lambda_runtime.packages import PackageStore

type StartFunction = Callable[..., Any]

PYTHON = environment("lambda") / "bin" / "python"
RUN = "import os, pathlib, subprocess\ndef handler(event, context): return eval(event)"
WRITE = "def write(path):\n    try: pathlib.Path(path).write_text('x')\n    except OSError as error: return error.strerror\n"
NAMESPACES = isolation.namespaces_work(PYTHON)
needs_namespaces = pytest.mark.skipif(not NAMESPACES, reason="mount namespaces do not work on this machine")


@pytest.fixture
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "namespaces_work", lambda _: False)


@pytest.fixture
def name() -> Iterator[Path]:
    """Return the path of a file in the machine's /tmp that does not exist, before and after the test."""
    path = Path("/tmp") / f"millrace-test-{uuid.uuid4().hex}"  # noqa: S108 - the literal is what is tested
    yield path
    path.unlink(missing_ok=True)


def task(function: Any) -> Path:  # noqa: ANN401 - a running function
    return Path(function.function.variables["LAMBDA_TASK_ROOT"])


@needs_namespaces
def test_code_cannot_be_written_to(start_function: StartFunction) -> None:
    """Not by path, not relative to the working folder, not by a child: the error is AWS's, and nothing is there."""
    function = start_function(WRITE + RUN)
    folder = task(function)
    assert function.answer(f"write('{folder}/new')") == "Read-only file system"
    assert function.answer("write('new')") == "Read-only file system"
    assert function.answer("write('app.py')") == "Read-only file system"
    assert function.answer("subprocess.run(['touch', 'new']).returncode") == 1
    assert function.answer("os.listdir() == os.listdir(os.environ['LAMBDA_TASK_ROOT'])") is True
    assert not (folder / "new").exists()
    assert (folder / "app.py").read_text() == WRITE + RUN


@needs_namespaces
def test_tmp_is_the_environments_own(start_function: StartFunction, name: Path) -> None:
    """A literal /tmp is neither the machine's nor another environment's, for children too, and is written to."""
    first, second = start_function(WRITE + RUN), start_function(WRITE + RUN)
    name.write_text("the machine's")
    assert first.answer(f"os.path.exists('{name}')") is False
    assert first.answer(f"write('{name}') or open('{name}').read()") == "x"
    assert first.answer(f"subprocess.run(['test', '-e', '{name}']).returncode") == 0
    assert second.answer(f"os.path.exists('{name}')") is False
    assert name.read_text() == "the machine's"


@needs_namespaces
def test_tmp_stays_between_invocations_and_goes_with_the_environment(start_function: StartFunction, name: Path) -> None:
    """What is in /tmp is there for the next invocation, also after a crash, and leaves nothing behind."""
    function = start_function(WRITE + RUN)
    assert function.answer(f"write('{name}')") is None
    assert function.answer("os._exit(1)")["errorType"] == "Runtime.ExitError"
    assert function.answer(f"open('{name}').read()") == "x"
    folders = isolation.own_folders(function.function)
    assert any((folder / name.name).exists() for folder in folders)
    function.environment.stop()
    assert not any(folder.exists() for folder in folders)


@needs_namespaces
def test_a_function_keeps_its_user_and_its_owner_ends_it(start_function: StartFunction) -> None:
    """The process is the same user with the same network, and its memory is still counted."""
    function = start_function(RUN)
    assert function.answer("[os.getuid(), os.getgid()]") == [os.getuid(), os.getgid()]
    report = function.invoke("len(bytearray(50_000_000))").logs
    assert int(report.split("Max Memory Used: ")[1].split()[0]) > 10


@needs_namespaces
def test_an_ordinary_user_has_namespaces_too(tmp_path: Path) -> None:
    """Without the right to mount, a process gets it in a user namespace, where its files are still its own."""
    (tmp_path / "code").mkdir()
    (tmp_path / "tmp").mkdir()
    source = (
        "import os, pathlib, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import bootstrap\n"
        "bootstrap.drop_capability(21)  # CAP_SYS_ADMIN\n"
        "code, tmp = map(pathlib.Path, sys.argv[2:])\n"
        "(code / 'before').touch()\n"
        "bootstrap.enter_namespace([[str(tmp), '/mnt']], [str(code)])\n"
        "pathlib.Path('/mnt/in-tmp').touch()\n"
        "print(os.getuid(), os.stat(code / 'before').st_uid)\n"
        "(code / 'after').touch()\n"
    )
    command: list[str | Path] = [
        PYTHON,
        "-I",
        "-c",
        source,
        isolation.BOOTSTRAP.parent,
        tmp_path / "code",
        tmp_path / "tmp",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout.split() == [str(os.getuid())] * 2
    assert "Read-only file system" in result.stderr
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["before", "in-tmp"]


@pytest.mark.usefixtures("no_namespaces")
def test_without_namespaces_permissions_protect_the_code(start_function: StartFunction, tmp_path: Path) -> None:
    """Also from root, and from children, a protected package is not written to; it can be used and removed."""
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "module.py").write_text("x = 1")
    folder = PackageStore(tmp_path / "store", PYTHON, protect=True).folder(["1"], lambda: [source])
    function = start_function(WRITE + RUN)
    for path in (folder / "new", folder / "sub" / "module.py", folder / "sub" / "new"):
        assert function.answer(f"write('{path}')") == "Permission denied"
        assert function.answer(f"subprocess.run('echo x > {path}', shell=True).returncode") != 0
    assert function.answer(f"open('{folder}/sub/module.py').read()") == "x = 1"


@pytest.mark.usefixtures("no_namespaces")
def test_without_namespaces_the_scratch_folder_is_still_the_environments_own(
    start_function: StartFunction, name: Path
) -> None:
    """TMPDIR is private and goes with the environment; a literal /tmp is the machine's."""
    first, second = start_function(WRITE + RUN), start_function(WRITE + RUN)
    assert first.answer("write(os.environ['TMPDIR'] + '/file')") is None
    assert first.answer("os.listdir(os.environ['TMPDIR'])") == ["file"]
    assert second.answer("os.listdir(os.environ['TMPDIR'])") == []
    assert first.answer(f"write('{name}')") is None
    assert second.answer(f"os.path.exists('{name}')") is True


def test_that_namespaces_do_not_work_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning names the reason, however many functions start."""
    monkeypatch.setattr(isolation, "_PROBE", "raise OSError('not permitted')")
    isolation.namespaces_work.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert [isolation.namespaces_work(PYTHON) for _ in range(3)] == [False] * 3
    isolation.namespaces_work.cache_clear()
    assert len(caplog.records) == (sys.platform == "linux")
    assert all("OSError: not permitted" in record.message for record in caplog.records)


@needs_namespaces
def test_where_the_cloud_is_not_below_tmp_its_scratch_folder_is_tmp() -> None:
    """TMPDIR and /tmp are one folder, as on AWS, and nothing else of the machine is in it."""
    with tempfile.TemporaryDirectory(dir=PYTHON.parents[3], prefix="test-") as folder:
        home = Path(folder)
        variables = {"LAMBDA_TASK_ROOT": str(home / "task")}
        function = Function(PYTHON, "h", variables, home / "scratch", "1", 1, 1, "", home / "layers")
        assert json.loads(isolation.prepare(function)) == {
            "binds": [[str(home / "scratch"), "/tmp"]],  # noqa: S108 - the literal is what is tested
            "read_only": [str(home / "task"), str(home / "layers")],
        }
