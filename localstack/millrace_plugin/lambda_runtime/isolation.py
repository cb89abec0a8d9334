"""What of the machine's files a function's processes see: read-only code, and a /tmp of their own where that works.

Linux lets an ordinary user mount folders privately for one process and its children, unless a container or the distribution
forbids it. Elsewhere the code is protected by its permissions, and a literal /tmp is the machine's.
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
    """Try whether *python* can have mounts of its own on this machine."""
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
    """Make the environment's own folders. Returns what `bootstrap.py` has to be given, as JSON."""
    function.scratch.mkdir(parents=True, exist_ok=True)
    if not namespaces_work(function.python):
        return json.dumps(None)
    binds = _binds(function)
    for _, place in binds:
        place.mkdir(parents=True, exist_ok=True)
    return json.dumps({"binds": [list(map(str, bind)) for bind in binds], "read_only": list(map(str, function.code))})


def own_folders(function: Function) -> tuple[Path, Path]:
    """Return what belongs to the environment and goes with it."""
    return function.scratch, _own_tmp(function)


def _binds(function: Function) -> list[tuple[Path, Path]]:
    """Return what is to be seen elsewhere: first what the function needs of the machine's /tmp, then its own /tmp."""
    needed = (*function.code, function.scratch, function.python, function.python.resolve(), BOOTSTRAP)
    kept = sorted({_TMP / path.relative_to(_TMP).parts[0] for path in needed if path.is_relative_to(_TMP)})
    tmp = _own_tmp(function) if kept else function.scratch
    return [*((folder, tmp / folder.name) for folder in kept), (tmp, _TMP)]


def _own_tmp(function: Function) -> Path:
    """Return what is seen as /tmp where the cloud itself is below /tmp, whose folders must not appear in the scratch."""
    return function.scratch.with_name(f"{function.scratch.name}-tmp")
