"""Give a function's processes read-only code, and a /tmp of their own where the system allows it.

On Linux an ordinary user may mount folders privately for a process and its children, unless a container or the
distribution forbids it. Elsewhere permissions protect the code, and a literal /tmp is the machine's.
"""

import json
import logging
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from millrace_plugin.lambda_runtime.invocation import Function

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
LOG = logging.getLogger(__name__)
_TMP = Path("/tmp")  # noqa: S108 - the one that is replaced
_PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
from bootstrap import enter_namespace
enter_namespace([(sys.argv[2], "/tmp")], ["/tmp"])
try:
    open("/tmp/file", "w")
except OSError:
    sys.exit(0)
sys.exit("A read-only folder can be written to.")
"""


@cache
def namespaces_work(python: Path) -> bool:
    """Return whether processes of *python* can have mounts of their own on this machine. Tries it once."""
    if sys.platform != "linux":
        return False
    with tempfile.TemporaryDirectory() as folder:
        probe: list[str | Path] = [python, "-I", "-c", _PROBE, BOOTSTRAP.parent, folder]
        result = subprocess.run(probe, capture_output=True, text=True, check=False)  # noqa: S603 - our own probe
    if result.returncode:
        reason = result.stderr.strip().rpartition("\n")[2]
        LOG.warning("Functions share /tmp, as mount namespaces do not work on this machine: %s", reason)
    return result.returncode == 0


def prepare(function: Function) -> str:
    """Create the environment's own folders. Returns the isolation for `bootstrap.py`, as JSON."""
    function.scratch.mkdir(parents=True, exist_ok=True)
    if not namespaces_work(function.python):
        return json.dumps(None)
    binds = _binds(function)
    for _, place in binds:
        place.mkdir(parents=True, exist_ok=True)
    return json.dumps({"binds": [list(map(str, bind)) for bind in binds], "read_only": list(map(str, function.code))})


def own_folders(function: Function) -> tuple[Path, Path]:
    """Return the folders that belong to the environment and are removed with it."""
    return function.scratch, _own_tmp(function)


def _binds(function: Function) -> list[tuple[Path, Path]]:
    """Return the mounts: folders below the machine's /tmp that the function needs, then its own /tmp."""
    needed = (*function.code, function.scratch, function.python, function.python.resolve(), BOOTSTRAP)
    kept = sorted({_TMP / path.relative_to(_TMP).parts[0] for path in needed if path.is_relative_to(_TMP)})
    tmp = _own_tmp(function) if kept else function.scratch
    return [*((folder, tmp / folder.name) for folder in kept), (tmp, _TMP)]


def _own_tmp(function: Function) -> Path:
    """Return the folder mounted as /tmp if the cloud is below /tmp itself, whose folders must not appear in the scratch."""
    return function.scratch.with_name(f"{function.scratch.name}-tmp")
