"""`./millrace openapi`: write the API's description."""

import os
import subprocess
import sys

from millrace_local.instance import ROOT, environment


def command() -> None:
    """Write functions/operations/openapi.json anew, from the template's routes and the functions' types.

    Example: ./millrace openapi
    """
    path = os.pathsep.join(str(ROOT / part) for part in ("functions", "layers/shared", "localstack"))
    generator = [str(environment("dev") / "bin" / "python"), "-m", "tests.openapi"]
    ran = subprocess.run(generator, cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, check=False)  # noqa: S603 - our own command line
    sys.exit(ran.returncode)
