"""Build the environment variables of a function: Lambda's and its own, without those of LocalStack's shell.

AWS: "Working with Lambda environment variables", "Defined runtime environment variables".
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

RUNTIME_IDENTIFIER = "AWS_Lambda_python3.13"
_FROM_LOCALSTACK = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_FORMAT",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_LEVEL",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "TZ",
        "_HANDLER",
    }
)


@dataclass(frozen=True)
class Places:
    """The local counterparts of /var/lang, /var/task, /opt and /tmp. *opt* is None without layers."""

    python: Path
    task: Path
    opt: Path | None
    scratch: Path

    def variables(self) -> dict[str, str]:
        """Return PYTHONPATH and other paths. The task comes before the layers before the runtime, as on AWS."""
        layers = [self.opt] if self.opt else []
        packages = [layer / part for layer in layers for part in ("python/lib/python3.13/site-packages", "python")]
        programs: list[Path | str] = [
            self.python.parent,
            "/usr/local/bin",
            "/usr/bin",
            "/bin",
            *(layer / "bin" for layer in layers),
        ]
        libraries = [self.task, self.task / "lib", *(layer / "lib" for layer in layers)]
        return {
            "HOME": str(self.scratch),
            "LAMBDA_RUNTIME_DIR": str(self.python.parent.parent / "lib/python3.13/site-packages"),
            "LAMBDA_TASK_ROOT": str(self.task),
            "LD_LIBRARY_PATH": _join(libraries),
            "PATH": _join(programs),
            "PYTHONPATH": _join([self.task, *packages]),
            "TMPDIR": str(self.scratch),
        }


def function_variables(offered: Mapping[str, object], own: Mapping[str, str], places: Places) -> dict[str, str]:
    """Return all variables of a function's process.

    offered: LocalStack's variables, of which those that AWS has are kept.
    own: the function's variables, which come last.
    """
    lambdas = {name: str(value) for name, value in offered.items() if name in _FROM_LOCALSTACK}
    base = {"AWS_EXECUTION_ENV": RUNTIME_IDENTIFIER, "LANG": "en_US.UTF-8"}
    variables = {**lambdas, **base, **places.variables()}
    return {**variables, **dict(_extend(variables, own))}


def _extend(variables: Mapping[str, str], own: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the function's own variables. Its PYTHONPATH comes after the folders of its code and layers."""
    for name, value in own.items():
        yield name, _join([variables[name], value]) if name == "PYTHONPATH" else value


def _join(paths: Iterable[Path | str]) -> str:
    return os.pathsep.join(map(str, paths))
