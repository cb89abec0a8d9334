"""Start one program for the supervisor: clean up after its last run, then become the program.

A server that was killed may leave processes that hold its memory, its port or its work: the next one could not start,
or would work beside them.
"""

import argparse
import os
from pathlib import Path

from millrace_local.servers import leftovers
from millrace_plugin.lambda_runtime.packages import remove

GRACE_SECONDS = 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--remove", type=Path, action="append", default=[])
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("name")
    parser.add_argument("program", nargs="+")
    arguments = parser.parse_args()
    orphans = leftovers.find(Path(os.environ[leftovers.INSTANCE]), arguments.name)
    if ended := leftovers.end(orphans, GRACE_SECONDS):
        print(f"Ended {ended} processes that the last run of {arguments.name} had left.", flush=True)  # noqa: T201 - into the program's log
    for path in (*arguments.remove, arguments.scratch):
        # Also folders without the permission to write, as packages of functions may have.
        remove(path) if path.is_dir() else path.unlink(missing_ok=True)
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    os.execvp(arguments.program[0], arguments.program)  # noqa: S606 - our own command line


if __name__ == "__main__":
    main()
