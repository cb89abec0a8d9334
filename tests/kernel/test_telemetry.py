"""What every log line says of where it comes from."""

import json
import os
import subprocess
import sys

LOGGING = "from kernel.telemetry import logger; logger.info('done')"


def test_a_line_names_the_function_that_wrote_it() -> None:
    """The functions of a domain share a log group."""
    variables = os.environ | {"AWS_LAMBDA_FUNCTION_NAME": "millrace-OrdersCreateOrder"}
    ran = subprocess.run([sys.executable, "-c", LOGGING], env=variables, capture_output=True, text=True, check=True)

    line = json.loads(ran.stdout)
    assert (line["service"], line["function_name"]) == ("millrace", "millrace-OrdersCreateOrder")
