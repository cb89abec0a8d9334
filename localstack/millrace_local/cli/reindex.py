"""`./millrace reindex`: rebuild the search index."""

from millrace_local.cli import run
from millrace_local.cli.output import notices
from millrace_local.deployment import operations


def command() -> None:
    """Rebuild the search index from the database, while searches and changes go on; then swap it in.

    Needed when functions/catalog/index_schema.py has changed, or when OpenSearch has lost its data.

    Example: ./millrace reindex
    """
    answer = run.carry_out(operations.find("catalog.rebuild_index"), {})
    notices.print(f"The new index has {answer['done']} products and has replaced the old one.")
