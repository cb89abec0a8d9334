"""The tables of `./millrace status`: no wider than 100 columns with the names that the application has.

A name is never broken or cut. Where a name is longer than the terminal allows, its table is wider than the terminal.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from millrace_local.cloud.status import Status
from millrace_plugin.status.structures import Function

UNKNOWN = "unknown"
GOOD, BAD = ("up", "Active", "Enabled"), ("down", "hung", "missing", "failed", "full", "Failed")
MIDDLING = ("starting", "deploying", "Disabled", UNKNOWN)
COLOURS = dict.fromkeys(GOOD, "green") | dict.fromkeys(BAD, "red") | dict.fromkeys(MIDDLING, "yellow")
WRAPPED, RIGHT = (
    {"end offsets"},
    {"memory", "environments", "waiting", "oldest", "parked", "lag", "partitions", "records"},
)

WIDEST = 10_000
NAMED = 3
"""How many names are printed above a problem that many have."""

type Row = Sequence[str]


def show(console: Console, status: Status, *, functions: bool) -> None:
    """Print *status*; with *functions* each function too, which otherwise are counted by domain."""
    _print(console, "Parts", ("part", "state", "address", "version", "pid", "memory"), _parts(status))
    domains = ("domain", "functions", "environments", "waiting", "oldest", "parked")
    _print(console, "Domains, with the events that wait in their outboxes", domains, _domains(status))
    if functions:
        _print_functions(console, status.functions)
    _print_mappings(console, status)
    _print(console, "Topics", ("topic", "partitions", "records", "end offsets"), _topics(status))
    _print_dead_letters(console, status)
    notes = [(each.function, warning) for each in status.mappings or () for warning in each.warnings]
    _print_notes(console, "Warnings", "yellow", notes)
    _print_notes(console, "Problems", "red", status.problems())


def _parts(status: Status) -> Iterator[Row]:
    for each in status.parts:
        memory = "" if each.memory_mb is None else f"{each.memory_mb} MB"
        yield each.name, each.state, each.address or "", each.version or "", _number(each.pid, ""), memory


def _domains(status: Status) -> Iterator[Row]:
    """Yield a row for each domain that has functions or an outbox."""
    functions: dict[str, list[Function]] = {}
    for function in status.functions or ():
        functions.setdefault(function.domain or UNKNOWN, []).append(function)
    outboxes = {each.domain: each for each in status.outbox}
    for domain in sorted(functions.keys() | outboxes.keys()):
        own, outbox = functions.get(domain, []), outboxes.get(domain)
        counted = _count_states(own) if status.functions is not None else UNKNOWN
        environments = [each.environments for each in own if each.environments is not None]
        running = _number(sum(environments)) if len(environments) == len(own) and counted != UNKNOWN else UNKNOWN
        waiting = ("", "", "")
        if outbox:
            waiting = _number(outbox.waiting), _age(outbox.waiting, outbox.oldest_seconds), _number(outbox.parked)
        yield domain, counted, running, *waiting


def _count_states(functions: Iterable[Function]) -> str:
    counted = Counter(each.state for each in functions)
    return ", ".join(f"{count} {state}" for state, count in counted.most_common()) or "0"


def _print_functions(console: Console, functions: Iterable[Function] | None) -> None:
    names = ("function", "state", "environments", "last modified")
    if functions is None:
        _print(console, "Functions", names, [(UNKNOWN, "", "", "")])
        return
    by_domain = sorted(functions, key=lambda each: (each.domain or "", each.name))
    rows = [(each.name, each.state, _number(each.environments), _moment(each.last_modified)) for each in by_domain]
    _print(console, "Functions", names, rows)
    _print_notes(console, "Reasons", "", ((each.name, each.reason) for each in by_domain if each.reason))


def _print_mappings(console: Console, status: Status) -> None:
    names = ("function and its consumer group", "topic", "state", "lag")
    if status.mappings is None:
        _print(console, "Mappings", names, [(UNKNOWN, "", "", "")])
        return
    # The group on a line of its own: beside the others it would be too wide for 100 columns.
    by_function = sorted(status.mappings, key=lambda each: (each.function, each.topic))
    rows = [(f"{each.function}\n  {each.group}", each.topic, each.state, _number(each.lag)) for each in by_function]
    _print(console, "Mappings", names, rows)


def _topics(status: Status) -> Iterator[Row]:
    """Yield a row for each topic but those of dead letters, which have a table of their own."""
    dead = {each.topic for each in status.dead_letters}
    for each in status.topics:
        if each.name not in dead:
            ends = UNKNOWN if each.end_offsets is None else " ".join(map(str, each.end_offsets))
            yield each.name, _number(each.partitions), _number(each.records), ends


def _print_dead_letters(console: Console, status: Status) -> None:
    """Print the topics that hold dead letters, and how many hold none or are unknown."""
    counts = Counter("empty" if each.count == 0 else UNKNOWN for each in status.dead_letters if not each.count)
    filled = [(each.topic, _number(each.count)) for each in status.dead_letters if each.count]
    rest = "".join(f" ({number} topics {state})" for state, number in counts.items())
    rows = filled or [("none" if not counts[UNKNOWN] else UNKNOWN, "")]
    _print(console, f"Dead letters{rest}", ("topic", "records"), rows)


def _print(console: Console, title: str, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Print a table without the columns that are empty, or nothing if there are no rows."""
    listed = list(rows)
    shown = [number for number in range(len(names)) if any(row[number] for row in listed)]
    if not shown:
        return
    console.print(title, style="bold")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for number in shown:
        name = names[number]
        justify: JustifyMethod = "right" if name in RIGHT else "left"
        lines = [line for row in listed for line in row[number].splitlines()]
        # Never narrower than its longest line, unless it holds numbers that may be on several lines.
        least = None if name in WRAPPED else max(map(len, [name, *lines]))
        table.add_column(name, header_style="dim", min_width=least, overflow="fold", justify=justify)
    for row in listed:
        table.add_row(*(_cell(row[number]) for number in shown))
    needed = console.measure(table, options=console.options.update(max_width=WIDEST)).minimum
    console.print(table, width=max(console.width, needed), crop=False)
    console.print()


def _print_notes(console: Console, title: str, style: str, notes: Iterable[tuple[str, str]]) -> None:
    """Print each text once, below the names of all that it is about."""
    names: dict[str, list[str]] = {}
    for name, text in notes:
        names.setdefault(text, []).append(name)
    if not names:
        return
    console.print(f"[bold]{title}[/]")
    for text, several in names.items():
        distinct = list(dict.fromkeys(several))
        others = f" and {len(distinct) - NAMED} others" if len(distinct) > NAMED else ""
        console.print(f"{', '.join(distinct[:NAMED])}{others}:", style=style, markup=False)
        console.print(Padding.indent(escape(text), 2))
    console.print()


def _cell(text: str) -> str:
    first, line, rest = text.partition("\n")
    colour = COLOURS.get(first)
    shown = f"[{colour}]{escape(first)}[/]" if colour else escape(first)
    return f"{shown}{line}[dim]{escape(rest)}[/]" if rest else shown


def _number(value: int | None, unknown: str = UNKNOWN) -> str:
    return unknown if value is None else str(value)


def _age(waiting: int | None, seconds: float | None) -> str:
    """Return the age of the oldest waiting row in its largest unit, or nothing if no row waits."""
    if waiting is None:
        return UNKNOWN
    if seconds is None:
        return ""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _moment(value: datetime | None) -> str:
    return UNKNOWN if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
