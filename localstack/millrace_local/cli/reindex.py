"""`./millrace reindex`: build the search index anew."""

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from millrace_local.cli.output import errors
from millrace_local.deployment import functions
from millrace_local.instance import Instance

FUNCTION = "CatalogRebuildIndex"


def command() -> None:
    """Build the search index anew from the database, while searches and changes go on; then swap it in.

    Needed when functions/catalog/index_schema.py has changed, or when OpenSearch has lost its data.

    Example: ./millrace reindex
    """
    instance = Instance.from_environment()
    answer = functions.call(instance, FUNCTION, {})
    columns = (TextColumn("products"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task("products", total=answer["total"])
        while answer["cursor"]:
            answer = functions.call(instance, FUNCTION, {"cursor": answer["cursor"]})
            progress.update(task, completed=answer["done"], total=answer["total"])
    errors.print(f"The new index has {answer['done']} products and has taken the old one's place.")
