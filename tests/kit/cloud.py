"""A whole local cloud for tests: in its own folder, on free ports, beside whatever else runs on this machine."""

import contextlib
import dataclasses
import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from millrace_local.deployment import databases, operations, stages
from millrace_local.instance import ROOT, TOOLS, Instance
from millrace_local.servers import supervision
from tests.kit.servers import free_instance, require_allowed

HOME = TOOLS / "test"
# A busy machine is given more time than a user waits.
STATUS_SECONDS = 30
# Longer than a user needs: a function's next test may be minutes away, and each start costs a second of CPU.
OWN = {"LAMBDA_KEEPALIVE_MS": "900000"}


@dataclass(frozen=True)
class Cloud:
    """A running local cloud, driven as a user does: by `./millrace`."""

    instance: Instance

    def millrace(self, *arguments: str, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this cloud, with *variables* in its environment, and return what it printed."""
        require_allowed()
        # Tests talk to the local Stripe, whatever account the developer's shell has.
        environment = os.environ | {"STRIPE_API_KEY": ""} | OWN | self.instance.as_environment() | variables
        ran = subprocess.run(
            [ROOT / "millrace", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            # Linux gives each session the same share of the CPU, and all processes with tests are one session.
            start_new_session=True,
        )
        assert ran.returncode == 0 or not check, f"./millrace {' '.join(arguments)}:\n{ran.stdout}\n{ran.stderr}"
        return ran

    def status(self) -> dict[str, list[dict[str, Any]]]:
        """Return the status that the cloud serves. Raises httpx.TransportError while nothing serves it."""
        answer = httpx.get(self.instance.status_url, params={"seconds": STATUS_SECONDS}, timeout=2 * STATUS_SECONDS)
        found: dict[str, list[dict[str, Any]]] = answer.raise_for_status().json()
        return found

    def operate(self, name: str, **command: object) -> object:
        """Run the operation *name* to its end, as `./millrace run` does. Returns its result."""
        kept, stage, operation = self.instance.run / f"{name}.json", stages.local(self.instance), operations.find(name)
        *_, last = operations.run(stage, operation, command, operations.Kept(kept))
        return last["result"]

    def environment(self) -> dict[str, str]:
        """What `./millrace env` gives the user's own tools."""
        found: dict[str, str] = json.loads(self.millrace("env", "--json").stdout)
        return found

    def database_url(self, domain: str) -> str:
        """Return the connection string of a domain's database, for the role of its functions."""
        return databases.url(self.instance, domain, "app")

    def server(self, name: str) -> psutil.Process:
        return psutil.Process(supervision.processes(self.instance)[name]["pid"])


@contextlib.contextmanager
def running_cloud(*parameters: str) -> Iterator[Cloud]:
    """Bring the test cloud up, and remove it whole afterwards; what a killed test run left is removed first.

    *parameters*: `Name=value` of template.yaml.
    """
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "test.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # All tests are one client to the rate limiter, which has tests of its own.
        cloud = Cloud(dataclasses.replace(free_instance(HOME), parameters=("RateLimitFactor=1000", *parameters)))
        cloud.millrace("down", "--purge")
        try:
            cloud.millrace("up")
            yield cloud
        finally:
            cloud.millrace("down", "--purge")
