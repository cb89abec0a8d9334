"""Bring one local cloud up, and down again, from whatever state it is in."""

import contextlib
import math
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator

from millrace_local import files, waiting
from millrace_local.cloud import disk, ports, private_folders
from millrace_local.cloud.servers import SERVERS
from millrace_local.deployment import deploy, template_parameters
from millrace_local.instance import Instance
from millrace_local.problems import LocalCloudError
from millrace_local.servers import leftovers, stripe_account, supervision
from millrace_local.servers.server import NotReadyError, Server
from millrace_plugin.lambda_runtime.packages import remove

READY_SECONDS = 90
DYING_SECONDS = 20  # for a server that ends at each start, in which it is started several times
HUNG_SECONDS = 15  # for a server that ran before, until it is restarted
ORDERLY_SECONDS = 20
LOG_LINES_SHOWN = 15

type Progress = Callable[[str, str], None]
"""Called with a part's name and what it is doing: "starting", "ready", …"""


def up(instance: Instance, progress: Progress) -> None:
    """Start every server and deploy the checkout's application, whatever state they are in."""
    template_parameters.check(instance.parameters)
    with lock(instance):
        start_servers(instance, progress)
        progress("application", "deploying")
        changed = deploy.deploy(instance)
        progress("application", "deployed" if changed else "unchanged")


def start_servers(instance: Instance, progress: Progress, servers: Collection[Server] = SERVERS) -> None:
    """Start *servers* from whatever state they are in, and wait until they are ready. The caller holds the lock.

    Raises LocalCloudError if one does not start.
    """
    began = time.time()
    with private_folders.restrict(instance):
        if resumed := leftovers.resume(instance.home):
            progress("leftovers", f"resumed {resumed} stopped processes")
        if _is_supervised(instance, servers):
            supervision.start_stopped(instance)
        else:
            _start(instance, progress, servers)
    for server in servers:
        _wait_until_ready(instance, server, began, progress)
        progress(server.name, "ready")


def down(instance: Instance, *, purge: bool = False) -> bool:
    """Stop everything in order, whatever hangs. Returns whether anything was running.

    *purge*: remove data and logs too.
    """
    with lock(instance):
        leftovers.resume(instance.home)
        was_running = supervision.is_running(instance)
        if was_running:
            supervision.stop(instance)
        was_running = _end_leftovers(instance) > 0 or was_running
        supervision.remove_socket(instance)
        if purge:
            for folder in (instance.home / "data", instance.logs):
                remove(folder)
        # While the lock is held: an `up` that begins right afterwards has run files of its own.
        shutil.rmtree(instance.run, ignore_errors=True)
    return was_running


@contextlib.contextmanager
def lock(instance: Instance) -> Iterator[None]:
    """Hold the instance's lock. Raises LocalCloudError if another command holds it."""
    try:
        with files.lock(instance.run / "command.lock") as file:
            # For the message below only: on a full disk `down --purge` is what helps.
            with contextlib.suppress(OSError):
                file.truncate(0)
                file.write(str(os.getpid()))
                file.flush()
            yield
    except files.LockedError as error:
        message = f"Another `up` or `down` of {instance.home} is running (pid {error}). Wait until it has ended."
        raise LocalCloudError(message) from None


def _is_supervised(instance: Instance, servers: Collection[Server]) -> bool:
    """Return whether a supervisor answers and knows all *servers*: one of an older checkout may not."""
    if not supervision.is_running(instance):
        return False
    if {server.name for server in servers} <= supervision.processes(instance).keys():
        return True
    supervision.stop(instance)
    return False


def _end_leftovers(instance: Instance) -> int:
    """End every process of the instance, also those that its dying supervisor has still started."""
    ended = 0
    for _ in range(3):
        ended += leftovers.end(leftovers.find(instance.home), ORDERLY_SECONDS)
    return ended


def _start(instance: Instance, progress: Progress, servers: Collection[Server]) -> None:
    if ended := _end_leftovers(instance):
        progress("leftovers", f"ended {ended} processes of a crashed run")
    ports.check_free(instance)
    if full := disk.shortage(instance):
        raise LocalCloudError(full)
    stripe_account.choose(instance)
    for server in servers:
        progress(server.name, "starting")
        server.install()
        server.prepare(instance)
    supervision.start(instance, programs(instance, servers))


def programs(instance: Instance, servers: Iterable[Server]) -> list[supervision.Program]:
    """Return the programs to be supervised: the servers and the redeployer."""
    supervised = [
        supervision.Program(
            server.name,
            server.command(instance),
            server.environment(instance),
            server.remains(instance),
            stop_signal=server.stop_signal,
            stop_seconds=server.stop_seconds,
        )
        for server in servers
    ]
    redeployer = [supervision.PYTHON, "-m", "millrace_local.cloud.redeployer"]
    return [*supervised, supervision.Program("redeployer", redeployer, instance.as_environment(), start_seconds=0)]


def _wait_until_ready(instance: Instance, server: Server, began: float, progress: Progress) -> None:
    """Wait for a server; restart it once if it hangs and ran before *began*.

    Raises LocalCloudError if it does not start.
    """
    began_waiting, restarted = time.monotonic(), False

    def is_ready() -> bool:
        nonlocal restarted
        try:
            server.check_ready(instance)
        except (NotReadyError, OSError) as error:
            process, waited = supervision.processes(instance)[server.name], time.monotonic() - began_waiting
            runs = process["statename"] in {"STARTING", "RUNNING"}
            if waited > (READY_SECONDS if runs else DYING_SECONDS):
                reason = disk.shortage(instance) or str(error)
                message = f"{server.name} did not start ({process['statename']}): {reason}\n{_last_lines(instance, server.name)}"
                raise LocalCloudError(message) from error
            if runs and waited > HUNG_SECONDS and process["start"] < began - HUNG_SECONDS and not restarted:
                progress(server.name, "restarting: it hangs")
                supervision.restart(instance, server.name)
                restarted = True
            return False
        return True

    waiting.until(is_ready, math.inf)


def _last_lines(instance: Instance, name: str) -> str:
    log = instance.logs / f"{name}.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([f"The last lines of {log}:", *(f"  {line}" for line in lines[-LOG_LINES_SHOWN:])])
