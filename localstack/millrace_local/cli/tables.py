"""Print lists as tables that are no wider than their content."""

from collections.abc import Iterable, Sequence

from rich.table import Table

from millrace_local.cli.output import console


def show(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table of *rows*, or *empty* if there are none. None is printed as nothing."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    if table.row_count:
        console.print(table, soft_wrap=True)
    else:
        console.print(empty)


def show_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print each name with its value on a line of its own, without those that are None or empty."""
    told = [(name, value) for name, value in fields if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in told), default=0)
    for name, value in told:
        console.print(f"[bold]{name:<{width}}[/]  ", end="")
        console.print(str(value), markup=False, soft_wrap=True)
