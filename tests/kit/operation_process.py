"""An operation in a process of its own, which a test kills: what it had done by then is what is left."""

import importlib
import json
import os
import subprocess
import sys
from typing import Any

from millrace_local.instance import ROOT
from tests.kit import operations
from tests.kit.lambda_events import Context

PATHS = (ROOT, *(ROOT / part for part in ("functions", "layers/shared", "localstack")))


def start(module: str, payload: dict[str, Any], *, dies_in: str = "") -> subprocess.Popen[bytes]:
    """Invoke the operation of *module* with *payload*, in the environment of the test.

    *dies_in*: a function (`module.name`), at whose first call the process dies.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, PATHS))}
    command = [sys.executable, "-m", __name__, module, json.dumps(payload), dies_in]
    return subprocess.Popen(command, env=environment)


def die(*_arguments: object) -> None:
    os._exit(9)


if __name__ == "__main__":
    handler = importlib.import_module(sys.argv[1]).handler
    place, _, name = sys.argv[3].rpartition(".")
    if place:
        setattr(importlib.import_module(place), name, die)
    handler(json.loads(sys.argv[2]), Context(milliseconds=operations.LONGEST))
