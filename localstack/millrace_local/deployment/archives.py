"""The artefacts of `sam build` as archives, so that a deployment packs nothing.

SAM packs every folder at every deployment, and reads the template several times with a slow parser. It uploads a finished
archive as it is, one that several functions name only once, and reads JSON at once.
"""

import json
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import yaml

READABLE = 0o444
PLACES = ("CodeUri", "ContentUri")


def pack(build: Path) -> None:
    """Pack each artefact of *build*, those of the same content once, and name the archives in its template.

    What `sam build` did not put there, such as an object of S3 or a folder elsewhere, is left to SAM.
    """
    file = build / "template.yaml"
    template = yaml.load(file.read_text(), yaml.CSafeLoader)
    artefacts = [folder.name for folder in build.iterdir() if folder.is_dir()]
    for resource in template["Resources"].values():
        properties = resource.get("Properties") or {}
        for name in properties.keys() & PLACES:
            if (place := properties[name]) in artefacts:
                properties[name] = _pack(build / place)
    file.write_text(json.dumps(template))


def _pack(folder: Path) -> str:
    """Write the folder's archive beside it if there is none of the same content. Returns its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    archive = folder.with_name(f"{_digest(folder, files)}.zip")
    if not archive.exists():
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in files:
                # Like SAM's: without modification time, and readable by everybody.
                entry = zipfile.ZipInfo(str(file.relative_to(folder)))
                entry.external_attr = (file.stat().st_mode | READABLE) << 16
                packed.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return archive.name


def _digest(folder: Path, files: Sequence[Path]) -> str:
    digest = sha256()
    for file in files:
        content = sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(folder)}\0{file.stat().st_mode}\0{content}\0".encode())
    return digest.hexdigest()[:16]
