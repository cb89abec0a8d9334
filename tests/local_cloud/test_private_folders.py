"""Nobody but its owner reads what a local cloud keeps: secrets, e-mails, records."""

import stat
from pathlib import Path
from uuid import uuid4

import pytest

from millrace_local.cloud import private_folders
from millrace_local.deployment import aws
from millrace_local.instance import Instance
from tests.kit.servers import free_instance


def open_to_others(top: Path) -> list[str]:
    folders = [path for path in (top, *top.rglob("*")) if path.is_dir()]
    return [str(path) for path in folders if stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.mark.parametrize("name", ["data", "logs", "run"])
def test_folders_are_their_owner_s_alone(tmp_path: Path, name: str) -> None:
    with private_folders.restrict(free_instance(tmp_path)):
        (tmp_path / name / "later" / "deeper").mkdir(parents=True)

    assert open_to_others(tmp_path / name) == []


@pytest.mark.parametrize("name", ["data", "logs", "run"])
def test_what_an_older_version_left_open_is_shut(tmp_path: Path, name: str) -> None:
    older = tmp_path / name / "redis" / "dumps"
    older.mkdir(parents=True)
    for folder in (tmp_path / name, older.parent, older):
        folder.chmod(0o755)
    with private_folders.restrict(free_instance(tmp_path)):
        pass

    assert open_to_others(tmp_path / name) == []


def test_files_are_their_owner_s_alone_too(tmp_path: Path) -> None:
    with private_folders.restrict(free_instance(tmp_path)):
        (file := tmp_path / "data" / "mails.json").touch()

    assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0


def test_what_the_caller_writes_elsewhere_keeps_its_modes(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    with private_folders.restrict(free_instance(tmp_path / "home")):
        pass
    (tmp_path / "after").mkdir()

    assert (tmp_path / "after").stat().st_mode == (tmp_path / "before").stat().st_mode


def test_the_servers_of_the_tests_keep_their_folders_to_themselves(
    instance: Instance, localstack: Instance, kafka: str, postgres: str, redis: str
) -> None:
    data = instance.home / "data"
    # What lies deeper, such as the unpacked code of functions, may have modes of its own: nobody gets there.
    assert [path for path in (data, *data.iterdir()) if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_objects_are_in_the_cloud_s_own_folder(localstack: Instance) -> None:
    """LocalStack's own place for them is one for all clouds and users of a machine, and outlives them."""
    aws.client(localstack, "s3").create_bucket(Bucket=(bucket := str(uuid4())))

    assert (localstack.data("localstack") / "tmp" / "localstack-s3-storage" / bucket).is_dir()
    assert not Path("/tmp/localstack-s3-storage", bucket).exists()  # noqa: S108 - the very place
