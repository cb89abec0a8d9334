"""Build the checkout, and deploy a build to LocalStack, with SAM CLI as a local process."""

import contextlib
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from millrace_local import files
from millrace_local.deployment import archives, aws, stack
from millrace_local.deployment.provision import BUCKET, SECRET_PREFIX, Foundation
from millrace_local.deployment.stack import CannotUpdateError, DeploymentError
from millrace_local.instance import HOST, REGION, ROOT, STACK, STAGE, TOOLS, Instance, environment
from millrace_local.servers import leftovers, stripe_account
from millrace_local.servers.localstack import localstack_session
from millrace_local.servers.server import NotReadyError
from millrace_plugin.cloudformation.refusals import CANNOT_UPDATE

SOURCES = ("template.yaml", "functions", "layers", "infra/topics.yaml")
BUILDS_KEPT = 3
CHECK_SECONDS = 2
HUNG_SECONDS = 30
PROGRAM = "sam"


def fingerprint() -> str:
    """Return a hash of everything that is built or deployed."""
    digest = sha256(platform.machine().encode())
    for source in SOURCES:
        path = ROOT / source
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def build_folder(sources: str) -> Path:
    """Return the folder of a build, named by the sources' hash, so that all instances of the checkout share it."""
    return TOOLS / "builds" / sources[:16]


def build(instance: Instance, sources: str) -> None:
    """Build and pack the checkout, unless there is a build of these sources. Its folder is complete if it exists."""
    folder = build_folder(sources)
    if not folder.exists():
        with files.whole_folder(folder) as unfinished:
            options: list[str | Path] = ["--build-dir", unfinished, "--cache-dir", TOOLS / "builds" / "cache"]
            _run(instance, "build", "--template-file", ROOT / "template.yaml", *options, variables=_build_variables())
            archives.pack(unfinished)
        _remove_old_builds(folder.parent)
    os.utime(folder)


def _build_variables() -> dict[str, str]:
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    system = "apple-darwin" if platform.system() == "Darwin" else "manylinux_2_34"
    uv = shutil.which("uv") or str(environment("uv") / "bin" / "uv")
    python = str(environment("lambda") / "bin" / "python")
    return {"LAYER_PLATFORM": f"{machine}-{system}", "UV": uv, "PYTHON": python}


def _remove_old_builds(builds: Path) -> None:
    finished = [folder for folder in builds.iterdir() if folder.name != "cache"]
    for folder in sorted(finished, key=lambda folder: folder.stat().st_mtime)[:-BUILDS_KEPT]:
        shutil.rmtree(folder)


def deploy(instance: Instance, template: Path, foundation: Foundation, wishes: Sequence[str]) -> None:
    architecture = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    parameters = {
        "Stage": STAGE,
        "EventLogLevel": "INFO",
        "Architecture": architecture,
        "KafkaClusterArn": foundation.kafka_cluster_arn,
        "KafkaBootstrapServers": instance.kafka_bootstrap,
        "KafkaSecurityProtocol": "PLAINTEXT",
        "DatabaseHost": HOST,
        "DatabasePort": str(instance.ports["postgres"]),
        "DatabaseSslMode": "disable",
        "DatabaseSecretPrefix": SECRET_PREFIX,
        "RedisUrl": instance.redis_url,
        "OpenSearchUrl": instance.opensearch_url,
        "StripeApiBase": stripe_account.current(instance).api_base,
        "DefaultPaymentMethod": "pm_card_visa",
        # A load test comes from a single address.
        "RateLimitFactor": "100",
        # The password of the examples in documents and collections is a common one.
        "CommonPasswordCheck": "off",
    }
    options = ["--stack-name", STACK, "--s3-bucket", BUCKET, "--region", REGION, "--capabilities", "CAPABILITY_IAM"]
    # SAM and LocalStack read JSON at once, and YAML with a slow parser.
    flags = ["--use-json", "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]
    parameters |= dict(wish.split("=", 1) for wish in wishes)
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    variables = aws.environment(instance) | {"SAM_CLI_POLL_DELAY": "1"}
    arguments: list[str | Path] = ["--template-file", template, *options, *flags, "--parameter-overrides", *overrides]
    try:
        _run(instance, "deploy", *arguments, variables=variables, watch=_Watch(instance))
    except DeploymentError as error:
        reasons = stack.reasons(instance)
        kind = CannotUpdateError if CANNOT_UPDATE in reasons else DeploymentError
        raise kind(reasons or str(error)) from error


class _Watch:
    """Raise NotReadyError once LocalStack has hung for a while: SAM waits for minutes."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._answered = time.monotonic()

    def __call__(self) -> None:
        try:
            localstack_session(self._instance)
        except NotReadyError:
            if time.monotonic() - self._answered > HUNG_SECONDS:
                raise
        else:
            self._answered = time.monotonic()


def _run(
    instance: Instance, *arguments: str | Path, variables: dict[str, str], watch: Callable[[], None] = lambda: None
) -> None:
    # A deployment that was killed leaves its SAM running.
    leftovers.end(leftovers.find(instance.home, PROGRAM), 1)
    settings = {"SAM_CLI_TELEMETRY": "0", "UV_PYTHON_DOWNLOADS": "never", "PYTHONWARNINGS": "ignore"}
    marks = {leftovers.INSTANCE: str(instance.home), leftovers.PROGRAM: PROGRAM}
    # The wrapper's PYTHONPATH is for the local cloud's modules, not for SAM.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AWS_"))}
    command = [environment("sam") / "bin" / "sam", *arguments]
    with _scratch(instance) as scratch:
        options = {"cwd": ROOT, "env": inherited | settings | marks | {"TMPDIR": scratch} | variables, "text": True}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options) as process:  # type: ignore[call-overload]  # noqa: S603 - our own command line
            output = _wait(process, watch)
    if process.returncode != 0:
        message = f"sam {arguments[0]} failed:\n" + "\n".join(output.strip().splitlines()[-25:])
        raise DeploymentError(message)


@contextlib.contextmanager
def _scratch(instance: Instance) -> Iterator[str]:
    """Create SAM's temporary folder, and remove it with what SAM leaves in it: a folder for each function."""
    folder = instance.scratch(PROGRAM)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield str(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[str], watch: Callable[[], None]) -> str:
    while True:
        try:
            output, _ = process.communicate(timeout=CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            try:
                watch()
            except NotReadyError:
                process.kill()
                raise
        else:
            return output
