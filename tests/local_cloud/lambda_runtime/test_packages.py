"""Unpacked code and layers: their union, their bytecode, and concurrent requests for the same."""

import importlib.util
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from millrace_local.instance import environment
from millrace_plugin.lambda_runtime.packages import PackageStore, remove

PYTHON = environment("lambda") / "bin" / "python"


def package(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def imported(folder: Path, statement: str) -> str:
    """Return what *statement* prints with *folder* on the functions' path."""
    command = [str(PYTHON), "-c", statement]
    environ = {"PYTHONPATH": str(folder)}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout.strip()


def test_a_later_layer_replaces_files_and_adds_to_folders(tmp_path: Path) -> None:
    """The union has every package's files; of the same file, the last one's, as in AWS's /opt."""
    first = package(tmp_path / "first", {"shared/a.py": "x = 1", "shared/b.py": "x = 1", "shared/__init__.py": ""})
    second = package(tmp_path / "second", {"shared/b.py": "x = 2", "shared/c.py": "x = 2"})
    store = PackageStore(tmp_path / "store", PYTHON)
    folder = store.folder(["1", "2"], lambda: [first, second])
    assert imported(folder, "from shared import a, b, c; print(a.x, b.x, c.x)") == "1 2 2"
    assert (first / "shared/b.py").read_text() == "x = 1"
    assert store.folder(["2", "1"], lambda: [second, first]) != folder


def test_bytecode_is_there_and_is_not_checked_against_its_source(tmp_path: Path) -> None:
    """Each module has bytecode that names its final place, and a file that does not compile spoils nothing else."""
    source = package(tmp_path / "source", {"good.py": "def f(): raise OSError", "bad.py": "def ("})
    folder = PackageStore(tmp_path / "store", PYTHON).folder(["1"], lambda: [source])
    bytecode = Path(importlib.util.cache_from_source(str(folder / "good.py"))).read_bytes()
    assert int.from_bytes(bytecode[4:8], "little") == 0b01
    assert str(folder / "good.py").encode() in bytecode
    assert imported(folder, "import good; print(good.f.__code__.co_filename)") == str(folder / "good.py")


def test_the_same_content_is_made_once(tmp_path: Path) -> None:
    """Threads that ask for the same content at once get one folder, made by the first."""
    source = package(tmp_path / "source", {"a.py": "x = 1"})
    store = PackageStore(tmp_path / "store", PYTHON)
    asked: list[int] = []
    folders: set[Path] = set()

    def unpacked() -> list[Path]:
        asked.append(1)
        return [source]

    threads = [threading.Thread(target=lambda: folders.add(store.folder(["1"], unpacked))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == len(asked) == 1


def test_a_failed_unpacking_leaves_nothing_behind(tmp_path: Path) -> None:
    """If a package cannot be had, no half-made folder remains, and the next attempt makes it."""
    store = PackageStore(tmp_path / "store", PYTHON)
    with pytest.raises(FileNotFoundError):
        store.folder(["1"], lambda: [tmp_path / "nowhere"])
    assert list((tmp_path / "store").iterdir()) == []
    source = package(tmp_path / "source", {"a.py": ""})
    assert (store.folder(["1"], lambda: [source]) / "a.py").exists()


def test_what_nobody_used_for_a_week_is_removed(tmp_path: Path) -> None:
    """A new store drops packages and half-made ones of a killed LocalStack that are a week old, no others."""
    source = package(tmp_path / "source", {"a.py": ""})
    store = PackageStore(tmp_path / "store", PYTHON)
    old, young = store.folder(["1"], lambda: [source]), store.folder(["2"], lambda: [source])
    long_ago = time.time() - 8 * 86400
    os.utime(old, (long_ago, long_ago))
    PackageStore(tmp_path / "store", PYTHON)
    assert not old.exists()
    assert young.exists()


def test_the_digests_that_name_a_folder_are_kept_apart(tmp_path: Path) -> None:
    """A digest that looks like two of them joined is another content."""
    source = package(tmp_path / "source", {"a.py": ""})
    store = PackageStore(tmp_path / "store", PYTHON)
    assert store.folder(["1", "2"], lambda: [source, source]) != store.folder(["1\\n2"], lambda: [source])


def test_a_protected_folder_can_be_removed(tmp_path: Path) -> None:
    """Without the permission to write in it, its owner still removes it whole."""
    source = package(tmp_path / "source", {"sub/a.py": ""})
    folder = PackageStore(tmp_path / "store", PYTHON, protect=True).folder(["1"], lambda: [source])
    modes = {path.stat().st_mode & 0o222 for path in (folder, folder / "sub", folder / "sub" / "a.py")}
    assert modes == {0}
    remove(folder)
    assert not folder.exists()
