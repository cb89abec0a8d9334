"""Continue a command as another program, in the same process."""

import os
import sys
from typing import NoReturn

from millrace_local.instance import ROOT, environment


def become_python(*arguments: str) -> NoReturn:
    """Replace this process by the development environment's Python, in the project's folder.

    Ctrl-C reaches that program alone. A parent that waits for it would kill it before its servers are stopped.
    """
    python = str(environment("dev") / "bin" / "python")
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(python, [python, *arguments])  # noqa: S606 - our own command line
