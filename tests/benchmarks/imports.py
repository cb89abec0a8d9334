"""Milliseconds of imports of each request function, in a fresh process on the built layer, and what they consist of.

Budget: 150 ms.
"""

import re
import statistics
import subprocess
from pathlib import Path

from millrace_local.deployment import sam
from millrace_local.instance import Instance, environment
from tests.benchmarks.machine import describe
from tools.template import FUNCTIONS, Function

PROCESSES = 7
LARGEST = 10
IMPORT = "import time; t = time.perf_counter(); import {}; print((time.perf_counter() - t) * 1000)"
LINE = re.compile(r"import time:\s+\d+ \|\s+(\d+) \|(\s+)(\S+)")


def main() -> None:
    sources = sam.fingerprint()
    sam.build(Instance.from_environment(), sources)
    built = sam.build_folder(sources)
    print(describe())
    measured = [(function, _milliseconds(built, function)) for function in FUNCTIONS if function.routes]
    measured.sort(key=lambda item: statistics.median(item[1]), reverse=True)
    for function, times in measured:
        print(f"{function.module:42} {statistics.median(times):4.0f} ms (best {min(times):4.0f})   (budget 150 ms)")
    slowest = measured[0][0]
    print(f"\nWhat {slowest.module} imports, largest first, each with what it imports itself:")
    for name, milliseconds in _shares(built, slowest)[:LARGEST]:
        print(f"  {name:40} {milliseconds:6.1f} ms")


def _milliseconds(built: Path, function: Function) -> list[float]:
    command = IMPORT.format(function.module)
    return [float(_run(built, function, "-c", command).stdout) for _ in range(PROCESSES)]


def _shares(built: Path, function: Function) -> list[tuple[str, float]]:
    """Packages by the time of their import, from the interpreter's own account (-X importtime)."""
    account = _run(built, function, "-X", "importtime", "-c", f"import {function.module}").stderr
    times = [(name, int(cumulative) / 1000) for cumulative, _, name in LINE.findall(account)]
    return sorted(times, key=lambda item: -item[1])


def _run(built: Path, function: Function, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{built / function.logical_id}:{built / 'SharedLayer' / 'python'}"
    command = [str(environment("lambda") / "bin" / "python"), *arguments]
    return subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, check=True)


if __name__ == "__main__":
    main()
