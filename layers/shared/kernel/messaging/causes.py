"""The cause of a dead letter: where its error was raised, and a hash by which letters of one cause are grouped."""

import hashlib
import re
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple

from kernel import domains
from kernel.contracts.event import MalformedError

LENGTH = 16
# What differs from one unreadable record to the next: quoted values, indices and positions.
_VALUE = re.compile(r"'[^']*'|\"[^\"]*\"|\[\d+\]|\d+")
# The path inside of a free-form field, as the record's author named it.
_FREE_PATH = re.compile(r"^(\w+)[.\[]\S*")


class Cause(NamedTuple):
    """*fingerprint*: in hexadecimal. *where*: file and line, or None if the error was never raised."""

    fingerprint: str
    where: str | None


class _Frame(NamedTuple):
    module: str
    file: str
    function: str
    line: int


def of(error: BaseException, domain: str) -> Cause:
    """Return the cause of *error*.

    The fingerprint is made of the error's class and of the innermost frame in a module of *domain*: its module and
    function, not its line. So it survives edits elsewhere in the file, and is the same wherever the code is installed.
    Without such a frame it is the innermost frame of the kernel. For unreadable records the message is added, without the
    values in it.
    """
    frames = list(_frames(error.__traceback__))
    own = [frame for frame in frames if domains.of(frame.module) == domain]
    known = own or [frame for frame in frames if domains.of(frame.module) == "kernel"] or frames
    frame = known[-1] if known else None
    parts = [type(error).__name__]
    if frame:
        parts += [frame.module, frame.function]
    if isinstance(error, MalformedError) and not own:
        parts.append(without_values(str(error)))
    return Cause(fingerprint(parts), frame and f"{frame.file}:{frame.line}")


def fingerprint(parts: Iterable[str]) -> str:
    """Return the hash of what a cause is made of."""
    return hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()[:LENGTH]


def without_values(message: str) -> str:
    """Return the message without what differs from one record to the next."""
    return _VALUE.sub("…", _FREE_PATH.sub(r"\1", message))


def _frames(traceback: TracebackType | None) -> Iterable[_Frame]:
    """Yield the frames of *traceback*, the innermost last. A file is named after its module: folders differ."""
    while traceback:
        code = traceback.tb_frame.f_code
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        suffix = "/__init__.py" if code.co_filename.endswith("__init__.py") else ".py"
        yield _Frame(module, module.replace(".", "/") + suffix, code.co_qualname, traceback.tb_lineno)
        traceback = traceback.tb_next
