"""The size of the machine that a figure was measured on."""

import os
import platform

import psutil


def describe() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, Python {platform.python_version()}"
