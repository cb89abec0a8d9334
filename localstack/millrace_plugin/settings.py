"""Read the plugin's settings from the environment of LocalStack's process."""

import os

HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"
"""LocalStack's own account."""
STAGE = os.environ.get("MILLRACE_STAGE", "local")
"""The stage of the REST API that has a port of its own."""
STACK = os.environ.get("MILLRACE_STACK", f"millrace-{STAGE}")
"""The application's stack on CloudFormation, and so the beginning of its functions' names."""


class MissingSettingError(Exception):
    """A variable without a default is not set. The message says what it is for."""


def kafka_bootstrap() -> str:
    """Return the brokers behind every local MSK cluster, as `host:port` joined by commas.

    Raises:
        MissingSettingError: MILLRACE_KAFKA_BOOTSTRAP is not set.
    """
    return _required("MILLRACE_KAFKA_BOOTSTRAP", "the brokers of the local Kafka, such as 127.0.0.1:9092")


def lambda_python() -> str:
    """Return the path of the interpreter that runs the functions.

    Raises:
        MissingSettingError: MILLRACE_LAMBDA_PYTHON is not set.
    """
    return _required(
        "MILLRACE_LAMBDA_PYTHON", "a Python 3.13 that has `awslambdaric` installed, which runs the functions"
    )


def api_port() -> int:
    """Return the port of the application's REST API.

    Raises:
        MissingSettingError: MILLRACE_API_PORT is not set.
    """
    return int(_required("MILLRACE_API_PORT", "the port of the REST API, one of those in GATEWAY_LISTEN"))


def _required(name: str, meaning: str) -> str:
    if value := os.environ.get(name):
        return value
    raise MissingSettingError(f"Set {name} for LocalStack: {meaning}.")
