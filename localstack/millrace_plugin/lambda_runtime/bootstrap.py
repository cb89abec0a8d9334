"""Start the runtime client in a function's process, after setting up the environment's own view of the files.

Standard library only, because it runs on the functions' interpreter. Standard input is the read end of a pipe that
nobody writes to. It ends when its owner closes it or dies; then this process and its children are killed.
"""

import ctypes
import json
import os
import signal
import struct
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any  # costs 5 ms

# <sys/mount.h>
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000
# A remount must repeat those of these that a mount has. The others have equal values in both interfaces.
ST_SAME, ST_RELATIME, MS_RELATIME = 0x2 | 0x4 | 0x8 | 0x400 | 0x800, 0x1000, 0x200000
# <linux/prctl.h>, <linux/capability.h>
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAPABILITY_VERSION = 24, 1, 0x20080522


def enter_namespace(binds: list[list[str]], read_only: list[str]) -> None:
    """Give this process and its children mounts of their own.

    binds: pairs of a folder and a second path where it is mounted.
    read_only: folders that become read-only.
    """
    try:
        os.unshare(os.CLONE_NEWNS)
    except PermissionError:
        _enter_user_namespace()
    _mount(None, "/", MS_REC | MS_PRIVATE)
    for folder, place in binds:
        _mount(folder, place, MS_BIND | MS_REC)
    for folder in read_only:
        _mount(folder, folder, MS_BIND | MS_REC)
        flags = os.statvfs(folder).f_flag
        kept = flags & ST_SAME | (MS_RELATIME if flags & ST_RELATIME else 0)
        _mount(None, folder, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def drop_capability(capability: int) -> None:
    """Drop a capability of root from this process and its children."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    data = ctypes.create_string_buffer(24)
    libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.capget(header, data)
    sets = list(struct.unpack("=6I", data.raw))  # effective, permitted and inheritable, each of 64 bits in two halves
    libc.capset(header, struct.pack("=6I", *(half & ~(1 << capability) for half in sets[:3]), *sets[3:]))


def _enter_user_namespace() -> None:
    """Enter a user namespace, in which an ordinary user may mount. User and group keep their ids."""
    user, group = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS)
    for file, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{file}", "w") as target:  # noqa: PTH123 - pathlib is not imported yet, and costs time
            target.write(content)


def _mount(source: str | None, target: str, flags: int) -> None:
    encoded = source and os.fsencode(source)
    if ctypes.CDLL(None, use_errno=True).mount(encoded, os.fsencode(target), None, ctypes.c_ulong(flags), None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def _isolate(isolation: "dict[str, Any] | None") -> None:
    if isolation:
        enter_namespace(**isolation)
        os.chdir(os.environ["LAMBDA_TASK_ROOT"])  # enters the new mount
    elif sys.platform == "linux" and os.geteuid() == 0:
        drop_capability(CAP_DAC_OVERRIDE)  # with it root may write to read-only folders


def _kill_group_at_end_of(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


def _run(handler: str) -> None:
    from awslambdaric.__main__ import main  # noqa: PLC0415 - a process with threads cannot enter a namespace

    lifeline = os.dup(sys.stdin.fileno())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_kill_group_at_end_of, args=[lifeline], daemon=True).start()
    # Frames messages of several lines, and keeps them in sequence with printed lines.
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(os.dup(sys.stdout.fileno()))
    main([sys.argv[0], handler])


if __name__ == "__main__":
    _, handler, isolation = sys.argv
    del sys.argv[2]
    _isolate(json.loads(isolation))
    _run(handler)
