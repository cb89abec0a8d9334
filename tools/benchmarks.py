"""Run benchmarks, or compare their figures with those of another checkout, run by run in turn.

`./millrace bench NAME… [--beside FOLDER] [--runs N] [--events N]` starts it in the development environment.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "benchmarks"
REGRESSION = 0.05
"""The share by which a median may differ before it counts, if both spreads are apart as well."""

_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")

type Figures = Mapping[str, list[float]]


def names() -> list[str]:
    """Return the names of all benchmarks."""
    return [path.stem for path in sorted(FOLDER.glob("*.py")) if "__main__" in path.read_text()]


def takes_events(name: str) -> bool:
    """Return whether the benchmark *name* takes a number of events."""
    return "--events" in (FOLDER / f"{name}.py").read_text()


def figures(text: str) -> dict[str, float]:
    """Return the numbers of what a benchmark printed, each by its line with the numbers left out.

    The first number of a line has the line's words as its name; further ones have `[2]`, `[3]` … behind them.
    """
    found: dict[str, float] = {}
    for line in text.splitlines():
        label = re.sub(r"\s+", " ", _NUMBER.sub("#", line)).strip()
        for place, number in enumerate(_NUMBER.findall(line), start=1):
            name = label if place == 1 else f"{label} [{place}]"
            found.setdefault(name, float(number.replace(",", "")))
    return found


def compare(ours: Figures, theirs: Figures) -> list[str]:
    """Return a line for each figure that varies: both medians with their spreads, the ratio, and a mark.

    `differs` marks a ratio beyond 5 % whose spreads do not overlap. Whether that is better or worse, the figure's
    name says.
    """
    lines = []
    for name in ours:
        here, there = ours[name], theirs.get(name, [])
        if not there or len({*here, *there}) == 1:
            continue
        ratio = statistics.median(here) / (statistics.median(there) or 1)
        apart = min(here) > max(there) or max(here) < min(there)
        mark = "differs" if apart and abs(ratio - 1) > REGRESSION else ""
        lines.append(f"{name[:78]:78} {_spread(here):>30} {_spread(there):>30} {ratio:6.2f} {mark}".rstrip())
    return lines


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.2f} ({min(values):,.2f} to {max(values):,.2f})"


def _output(name: str, checkout: Path, options: list[str]) -> str:
    """Return what the benchmark *name* of *checkout* printed. Raises SystemExit with its errors if it failed."""
    python = checkout / ".millrace" / "environments" / "dev" / "bin" / "python"
    path = os.pathsep.join(str(checkout / part) for part in ("functions", "layers/shared", "localstack", "."))
    command = [str(python), "-m", f"tests.benchmarks.{name}", *options]
    variables = os.environ | {"PYTHONPATH": path}
    # Not run(): at Ctrl-C that would kill a benchmark before it has stopped its servers.
    with subprocess.Popen(  # noqa: S603 - our own command line
        command, cwd=checkout, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        output, errors = running.communicate()
    if running.returncode != 0:
        message = f"{name} failed in {checkout}:\n{output}{errors}"
        raise SystemExit(message)
    return output


def _in_turn(name: str, other: Path, runs: int, options: list[str]) -> tuple[Figures, Figures]:
    """Run the benchmark here and in *other*, in turn. Whoever began last time begins second this time."""
    found: dict[Path, dict[str, list[float]]] = {each: defaultdict(list) for each in (ROOT, other)}
    for run in range(runs):
        order = (ROOT, other) if run % 2 == 0 else (other, ROOT)
        for checkout in order:
            print(f"{name}: run {run + 1} of {runs} in {checkout.name}", file=sys.stderr, flush=True)
            for figure, value in figures(_output(name, checkout, options)).items():
                found[checkout][figure].append(value)
    return found[ROOT], found[other]


def main(arguments: Iterable[str]) -> None:
    parser = argparse.ArgumentParser(prog="./millrace bench")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--events", type=int)
    given = parser.parse_args(list(arguments))
    known = names()
    if not given.names:
        print("\n".join(known))
        return
    if unknown := [name for name in given.names if name not in known]:
        parser.error(f"There is no benchmark {unknown[0]!r}. There are: {', '.join(known)}.")
    if given.runs is not None and (given.beside is None or given.runs < 1):
        parser.error("--runs is how often each checkout runs: give it with --beside FOLDER, and at least 1.")
    if given.beside is not None and not (given.beside / "tests" / "benchmarks").is_dir():
        parser.error(f"{given.beside} is no checkout of Millrace: it has no tests/benchmarks.")
    if given.events is not None and (unfit := [name for name in given.names if not takes_events(name)]):
        parser.error(f"{unfit[0]} has a size of its own. --events is for {', '.join(filter(takes_events, known))}.")
    if given.events is not None and given.events < 1:
        parser.error("--events is how many events there are: give at least 1.")
    options = [] if given.events is None else ["--events", str(given.events)]
    for name in given.names:
        print(f"── {name}", flush=True)
        if given.beside is None:
            print(_output(name, ROOT, options), end="", flush=True)
        else:
            here, there = _in_turn(name, given.beside.resolve(), given.runs or 5, options)
            print(f"{'figure':78} {'here: median (spread)':>30} {'beside':>30} {'ratio':>6}")
            print("\n".join(compare(here, there)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
