"""A build's artefacts become archives, which its template names."""

import json
import zipfile
from pathlib import Path

import pytest

from millrace_local.deployment import archives

Place = str | dict[str, str]


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Three built functions, two of which are the same, in a folder beside sources."""
    folder = tmp_path / "build"
    for name, text in (("First", "same"), ("Second", "same"), ("Third", "another")):
        (folder / name / "domain").mkdir(parents=True)
        (folder / name / "domain" / "handler.py").write_text(text)
    (tmp_path / "sources").mkdir()
    return folder


def packed(build: Path, *places: Place) -> list[Place]:
    """The places of functions after packing, which were *places* before."""
    functions = {f"F{number}": {"Properties": {"CodeUri": place}} for number, place in enumerate(places)}
    (build / "template.yaml").write_text(json.dumps({"Resources": {"Empty": {"Properties": None}, **functions}}))
    archives.pack(build)
    resources = json.loads((build / "template.yaml").read_text())["Resources"]
    return [resources[name]["Properties"]["CodeUri"] for name in functions]


def test_the_same_content_is_packed_once(build: Path) -> None:
    first, second, third = packed(build, "First", "Second", "Third")

    assert first == second != third
    assert {path.name for path in build.glob("*.zip")} == {first, third}
    with zipfile.ZipFile(build / str(third)) as archive:
        assert archive.read("domain/handler.py") == b"another"


def test_what_was_not_built_is_left_alone(build: Path) -> None:
    """Nothing is written to a folder of sources, and no empty archive stands for an object of S3."""
    places: list[Place] = ["s3://bucket/key.zip", {"Bucket": "bucket", "Key": "key"}, "../sources"]

    assert packed(build, *places) == places
    assert not list(build.parent.rglob("*.zip"))


def test_a_program_is_a_program_for_everybody_to_read(build: Path) -> None:
    (build / "Third" / "domain" / "handler.py").chmod(0o700)
    [third] = packed(build, "Third")

    with zipfile.ZipFile(build / str(third)) as archive:
        assert archive.getinfo("domain/handler.py").external_attr >> 16 & 0o777 == 0o744
