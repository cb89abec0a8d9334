"""Files and folders in one step, locks, and polling; no server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from millrace_local import files, waiting


def ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Also if a killed process has left half of one."""
    (tmp_path / "secret.unfinished").write_text("half")
    files.write(tmp_path / "secret", "whole")
    assert (tmp_path / "secret").read_text() == "whole"
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    """It is not there before the block ends, and what a killed process left of one is removed."""
    (tmp_path / f"made.unfinished-{ended_process()}").mkdir()
    with files.whole_folder(tmp_path / "made") as unfinished:
        (unfinished / "content").touch()
        assert not (tmp_path / "made").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "content"]


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Neither under its name nor beside it."""

    def fail() -> None:
        with files.whole_folder(tmp_path / "made") as unfinished:
            (unfinished / "missing").read_text()

    with pytest.raises(FileNotFoundError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_process_has_made_stays(tmp_path: Path) -> None:
    """And the process that is still at work keeps its own unfinished one."""
    other = tmp_path / f"made.unfinished-{os.getppid()}"
    other.mkdir()
    with files.whole_folder(tmp_path / "made") as unfinished:
        (unfinished / "ours").touch()
        (tmp_path / "made").mkdir()
        (tmp_path / "made" / "theirs").touch()
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["theirs"]
    assert other.exists()


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    """The error has what the holder wrote; when the holder is done, the lock is free."""
    path = tmp_path / "folder" / "lock"
    with files.lock(path) as file:
        file.write("holder")
        file.flush()
        with pytest.raises(files.LockedError, match="holder"), files.lock(path, 0.2):
            pass
    with files.lock(path):
        pass


def test_polling_ends_with_the_condition_or_the_time() -> None:
    """Even without time the condition is looked at once."""
    answers = iter([False, False, True])
    assert waiting.until(lambda: next(answers), 10, pause=0)
    assert waiting.until(lambda: True, 0)
    assert not waiting.until(lambda: False, 0.01, pause=0)
