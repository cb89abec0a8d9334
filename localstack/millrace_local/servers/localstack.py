"""LocalStack 2026.3.0 in host mode, with our plugin: functions as processes, Kafka triggers, MSK, the API's own port."""

import json
import os
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from millrace_local.instance import HOST, REGION, STACK, STAGE, Instance, SettingError, environment
from millrace_local.servers.server import Command, NotReadyError, Server
from millrace_plugin.lambda_runtime import log_files

VERSION = "2026.3.0"
LENIENT_VARIABLE = "MILLRACE_TRIGGER_LENIENT"


class LocalStack(Server):
    name = "localstack"
    ports = ("localstack", "api")

    def prepare(self, instance: Instance) -> None:
        for folder in ("files", "tmp"):
            (instance.data(self.name) / folder).mkdir(parents=True, exist_ok=True)

    def command(self, instance: Instance) -> Command:  # noqa: ARG002 - the settings are in the environment
        return [environment("local") / "bin" / "python", "-m", "localstack.runtime.main"]

    def environment(self, instance: Instance) -> Mapping[str, str]:
        data = instance.data(self.name)
        gateway = [f"{HOST}:{instance.ports[name]}" for name in self.ports]
        return {
            "GATEWAY_SERVER": "millrace",
            "GATEWAY_LISTEN": ",".join(gateway),
            "LOCALSTACK_HOST": gateway[0],
            "FILESYSTEM_ROOT": str(data / "files"),
            "LOCALSTACK_VOLUME_DIR": str(data / "files" / "volume"),
            "TMPDIR": str(data / "tmp"),
            # LocalStack's services call each other in its process, and not by HTTP.
            "IN_MEMORY_CLIENT": "1",
            "AWS_DEFAULT_REGION": REGION,
            "LAMBDA_RUNTIME_EXECUTOR": "process",
            # An idle environment costs about 25 MB.
            "LAMBDA_KEEPALIVE_MS": os.environ.get("LAMBDA_KEEPALIVE_MS") or "120000",
            # A failed asynchronous invocation is retried after 1 and 2 s; AWS waits 1 and 2 minutes. So a relay that was
            # killed works again at once, and not only at its schedule's next minute.
            "LAMBDA_RETRY_BASE_DELAY": "1",
            "MILLRACE_LAMBDA_PYTHON": str(environment("lambda") / "bin" / "python"),
            log_files.VARIABLE: str(instance.function_logs),
            "MILLRACE_KAFKA_BOOTSTRAP": instance.kafka_bootstrap,
            LENIENT_VARIABLE: _lenient(),
            "MILLRACE_STACK": STACK,
            "MILLRACE_STAGE": STAGE,
            "MILLRACE_API_PORT": str(instance.ports["api"]),
            "PROVIDER_OVERRIDE_CLOUDFORMATION": "millrace",
            "PROVIDER_OVERRIDE_S3": "millrace",
            # What the open edition does not have deploys with a warning, unless something refers to it (`unsupported`).
            "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "1",
            # No traffic to anywhere but this machine.
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DISABLE_EVENTS": "1",
            "DNS_ADDRESS": "0",
        }

    def remains(self, instance: Instance) -> tuple[Path, ...]:
        """Return the folders of deployed functions and stored objects, which LocalStack forgets at a restart."""
        return tuple(
            instance.data(self.name) / "tmp" / name for name in ("lambda", "localstack", "localstack-s3-storage")
        )

    def check_ready(self, instance: Instance) -> None:
        localstack_session(instance)

    def version(self) -> str:
        return VERSION


def _lenient() -> str:
    """Return 1 if mappings may ask for what the local trigger does not do, which is then ignored with a warning."""
    value = os.environ.get(LENIENT_VARIABLE, "")
    if value not in {"", "0", "1"}:
        message = f"{LENIENT_VARIABLE}={value!r} is neither 0 nor 1. Give one of them, or unset it for 0."
        raise SettingError(message)
    return value or "0"


def localstack_session(instance: Instance) -> str:
    """Return the id of LocalStack's current run. A new id means that everything deployed before is gone.

    Raises NotReadyError if LocalStack does not answer.
    """
    try:
        with urllib.request.urlopen(f"{instance.localstack_url}/_localstack/info", timeout=2) as answer:  # noqa: S310 - loopback
            return str(json.load(answer)["session_id"])
    except (OSError, ValueError, KeyError) as error:
        message = f"LocalStack does not answer at {instance.localstack_url} ({error})."
        raise NotReadyError(message) from error
