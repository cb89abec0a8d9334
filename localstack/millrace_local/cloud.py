"""Bring one local cloud up, and down again, from whatever state it is in."""

import contextlib
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from millrace_local import deployment, ports, stripe_account, supervision
from millrace_local.instance import Instance
from millrace_local.problems import LocalCloudError
from millrace_local.services import SERVICES
from millrace_local.services.service import NotReadyError, Service

READY_SECONDS = 90
LEAST_FREE_BYTES = 1 << 30
LOG_LINES_SHOWN = 15

type Progress = Callable[[str, str], None]
"""Called with a part's name and what it is doing: "starting", "ready", …"""


def up(instance: Instance, progress: Progress) -> None:
    """Servers running, application deployed as the checkout has it. Safe to repeat, also after any crash."""
    with only_one(instance):
        if not supervision.is_running(instance):
            _start(instance, progress)
        for service in SERVICES:
            _wait_until_ready(instance, service)
            progress(service.name, "ready")
        progress("application", "deploying")
        changed = deployment.deploy(instance)
        progress("application", "deployed" if changed else "unchanged")


def down(instance: Instance, *, purge: bool = False) -> bool:
    """Stop everything in order; with *purge*, remove data and logs too. False if nothing was running."""
    with only_one(instance):
        was_running = supervision.is_running(instance)
        if was_running:
            supervision.stop(instance)
        was_running = supervision.end_leftovers(instance) > 0 or was_running
        if purge:
            for folder in (instance.home / "data", instance.logs):
                shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(instance.run, ignore_errors=True)
    return was_running


@contextlib.contextmanager
def only_one(instance: Instance) -> Iterator[None]:
    """Hold the instance's lock; the system frees it when the process ends, however it ends."""
    instance.run.mkdir(parents=True, exist_ok=True)
    with (instance.run / "command.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            message = (
                f"Another `up` or `down` of {instance.home} is at work (pid {lock.read()}). Wait until it is done."
            )
            raise LocalCloudError(message) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _start(instance: Instance, progress: Progress) -> None:
    if ended := supervision.end_leftovers(instance):
        progress("leftovers", f"ended {ended} processes of a crashed run")
    ports.check_free(instance)
    _check_disk(instance)
    stripe_account.choose(instance)
    for service in SERVICES:
        progress(service.name, "starting")
        service.install()
        service.prepare(instance)
    supervision.start(instance, _programs(instance))


def _programs(instance: Instance) -> list[supervision.Program]:
    programs = [
        supervision.Program(
            service.name,
            service.command(instance),
            service.environment(instance),
            service.stop_signal,
            service.stop_seconds,
        )
        for service in SERVICES
    ]
    redeployer = [sys.executable, "-m", "millrace_local.redeployer"]
    return [*programs, supervision.Program("redeployer", redeployer, instance.as_environment())]


def _wait_until_ready(instance: Instance, service: Service) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return service.check_ready(instance)
        except NotReadyError as error:
            state = supervision.processes(instance)[service.name]["statename"]
            if state == "FATAL" or time.monotonic() > deadline:
                message = f"{service.name} did not start ({state}): {error}\n{_last_lines(instance, service.name)}"
                raise LocalCloudError(message) from error
        time.sleep(0.1)


def _last_lines(instance: Instance, name: str) -> str:
    log = instance.logs / f"{name}.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([f"The last lines of {log}:", *(f"  {line}" for line in lines[-LOG_LINES_SHOWN:])])


def _check_disk(instance: Instance) -> None:
    free = shutil.disk_usage(_existing(instance.home)).free
    if free < LEAST_FREE_BYTES:
        message = (
            f"Only {free >> 20} MB are free on the disk of {instance.home}; the local cloud wants 1 GB. Free some."
        )
        raise LocalCloudError(message)


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
