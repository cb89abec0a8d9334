"""An operation in a process of its own, which a test kills: what it had done by then is what is left."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from millrace_local.instance import ROOT
from tests.kit import operations
from tests.kit.lambda_events import Context

PATHS = (ROOT, *(ROOT / part for part in ("functions", "layers/shared", "localstack")))


class Place(NamedTuple):
    """Where a process runs.

    *variables*: added to the environment of the test.
    *files*: what modules read instead of their own FILE.
    *output*: where it writes, as subprocess names it.
    """

    variables: Mapping[str, str] = MappingProxyType({})
    files: Mapping[str, Path] = MappingProxyType({})
    output: int | None = None


HERE = Place()


def start(module: str, payload: dict[str, Any], *, dies_in: str = "", place: Place = HERE) -> subprocess.Popen[bytes]:
    """Invoke the operation of *module* with *payload*. The last line that it writes is the answer.

    *dies_in*: a function (`module.name`), at whose first call the process dies.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, PATHS))} | dict(place.variables)
    replaced = json.dumps({name: str(path) for name, path in place.files.items()})
    command = [sys.executable, "-m", __name__, module, json.dumps(payload), dies_in, replaced]
    return subprocess.Popen(command, env=environment, stdout=place.output)


def die(*_arguments: object) -> None:
    os._exit(9)


if __name__ == "__main__":
    handler = importlib.import_module(sys.argv[1]).handler
    for name, file in json.loads(sys.argv[4]).items():
        importlib.import_module(name).FILE = Path(file)  # type: ignore[attr-defined] # both have one
    owner, _, name = sys.argv[3].rpartition(".")
    if owner:
        setattr(importlib.import_module(owner), name, die)
    answer = handler(json.loads(sys.argv[2]), Context(milliseconds=operations.LONGEST))
    sys.stdout.write(f"{json.dumps(answer)}\n")
