"""`./millrace openapi`: write the API's descriptions."""

import os
import subprocess
import sys

from millrace_local.instance import ROOT, environment


def command() -> None:
    """Write the API's OpenAPI document, its Postman collection and the catalogues of operations, consumers and topics, from the functions' types.

    The files are functions/operations/openapi.json, Microservices-API-Collection.json, functions/operations/catalogue.json,
    functions/operations/consumers.json and functions/operations/topics.json.

    Example: ./millrace openapi
    """
    path = os.pathsep.join(str(ROOT / part) for part in ("functions", "layers/shared", "localstack"))
    generator = [str(environment("dev") / "bin" / "python"), "-m", "tools.api_documents"]
    ran = subprocess.run(generator, cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, check=False)  # noqa: S603 - our own command line
    sys.exit(ran.returncode)
