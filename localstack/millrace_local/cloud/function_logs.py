"""Find and read the functions' logs, which the plugin writes (`lambda_runtime.log_files`)."""

import contextlib
import difflib
import itertools
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from millrace_local.deployment import functions as deployed
from millrace_local.instance import STACK, Instance
from millrace_local.problems import LocalCloudError
from millrace_plugin.lambda_runtime.log_files import older

POLL_SECONDS = 0.2
# CloudFormation gives the stack's name, the first letters of the logical id and something random.
_DEPLOYED = re.compile(rf"{STACK}-(\w+)-[0-9a-f]{{8}}")


def find(instance: Instance, wanted: str) -> Path:
    """Return the log of the function *wanted*: its path (`orders.create_order`), logical id or deployed name.

    Raises LocalCloudError for a name that is none of these, and for a function that was not invoked yet.
    """
    functions = deployed.modules()
    name = _name(wanted, functions)
    file = instance.function_logs / f"{name}.log"
    if file.exists():
        return file
    if name in functions.values():
        message = (
            f"{name} has logged nothing: it was not invoked since the local cloud was created. See ./millrace status."
        )
        raise LocalCloudError(message)
    known = [*functions.values(), *functions, *names(instance), *servers(instance)]
    near = difflib.get_close_matches(wanted, dict.fromkeys(known), n=5, cutoff=0.5)
    hint = f"Did you mean {', '.join(near)}?" if near else "./millrace logs lists those that there are."
    message = f"There is no log named {wanted!r}. {hint} Without a local cloud, start it: ./millrace up."
    raise LocalCloudError(message)


def names(instance: Instance) -> list[str]:
    """Return the names of the functions that have logged something."""
    return sorted(path.stem for path in instance.function_logs.glob("*.log"))


def servers(instance: Instance) -> dict[str, Path]:
    """Return the logs of the servers by their names."""
    return {path.stem: path for path in sorted(instance.logs.glob("*.log"))}


def lines(file: Path, *, last: int, request_id: str | None, follow: bool) -> Iterator[str]:
    """Yield the *last* lines, or all lines of the invocations that mention *request_id*.

    *request_id*: a client's X-Request-Id, the gateway's id or the invocation's own.
    *follow*: yield new lines too, without end.
    """
    with file.open(errors="replace") as log:
        size = file.stat().st_size
        before = older(file).read_text(errors="replace").splitlines() if older(file).exists() else []
        written = [*before, *log.read(size).splitlines()]
        yield from _select_invocations(written, request_id) if request_id else written[-last:]
        position = log.tell()
    while follow:
        time.sleep(POLL_SECONDS)
        # The file is missing for a moment while it is rotated.
        new: list[str] = []
        with contextlib.suppress(FileNotFoundError), file.open(errors="replace") as log:
            log.seek(position if file.stat().st_size >= position else 0)
            new = log.read().splitlines()
            position = log.tell()
        yield from _select_invocations(new, request_id) if request_id else new


def _name(wanted: str, functions: dict[str, str]) -> str:
    """Return the name of a function's file for any of the function's names.

    *functions*: paths by logical id.
    """
    if deployed := _DEPLOYED.fullmatch(wanted):
        found = [path for logical_id, path in functions.items() if logical_id.startswith(deployed[1])]
        return found[0] if len(found) == 1 else wanted
    path = wanted.removesuffix(".py").removeprefix("functions/").replace("/", ".")
    return functions.get(wanted, path if path in functions.values() else wanted)


def _select_invocations(written: Iterable[str], request_id: str) -> Iterator[str]:
    """Yield the lines of each invocation that mentions *request_id* as a word."""
    word = re.compile(rf"(?<![\w-]){re.escape(request_id)}(?![\w-])")
    for _, invocation in itertools.groupby(written, key=lambda line: line.split(" ", 2)[1:2]):
        several = list(invocation)
        if any(map(word.search, several)):
            yield from several
