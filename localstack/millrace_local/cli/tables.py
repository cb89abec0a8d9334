"""Print lists as tables. No name is broken or cut: a table may be wider than the terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from millrace_local.cli.output import console

WIDEST = 10_000


def show(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table of *rows*, or *empty* if there are none. None is printed as nothing."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    if table.row_count:
        Console(width=WIDEST, highlight=False).print(table)
    else:
        console.print(empty)


def show_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print each name with its value on a line of its own, without those that are None or empty."""
    told = [(name, value) for name, value in fields if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in told), default=0)
    for name, value in told:
        console.print(f"[bold]{name:<{width}}[/]  ", end="")
        console.print(str(value), markup=False, soft_wrap=True)
