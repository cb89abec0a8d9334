"""The room that the disk has for what the servers write."""

import os
from pathlib import Path

from millrace_local.instance import Instance

LEAST_FREE_BYTES = 1 << 30
LEAST_FREE_FILES = 10_000


def shortage(instance: Instance) -> str | None:
    """Return a message about what the instance's disk lacks, or None if it has room."""
    found = os.statvfs(_existing(instance.home))
    free = found.f_bavail * found.f_frsize
    if free < LEAST_FREE_BYTES:
        return f"The disk of {instance.home} is full: {free >> 20} MB are free, and the servers want 1 GB. Free some."
    # Some file systems count no files.
    if found.f_files and found.f_favail < LEAST_FREE_FILES:
        return f"The disk of {instance.home} has room for {found.f_favail} more files only. Remove some."
    return None


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
