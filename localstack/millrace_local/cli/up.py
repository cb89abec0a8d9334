"""`./millrace up`: start the local cloud and deploy the application."""

import os
import time

from rich.table import Table

from millrace_local.cli.output import console, notices
from millrace_local.cloud import lifecycle
from millrace_local.instance import Instance
from millrace_local.servers import stripe_account

# Variables of functions, which template.yaml sets. In this shell, another project has probably set them.
FUNCTIONS_OWN = (
    *("PORT", "KAFKA_BROKER", "KAFKA_TOPIC", "KAFKA_CONSUMER_GROUP", "KAFKA_DLQ_TOPIC", "JWT_SECRET"),
    *("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD"),
)


def command() -> None:
    """Start the local cloud and deploy the application on it. A second run changes only what is missing or outdated.

    Example: ./millrace up && curl http://127.0.0.1:8080/health
    """
    instance = Instance.from_environment()
    if note := find_ignored_variables():
        notices.print(note, style="yellow", soft_wrap=True)
    began = time.monotonic()
    with notices.status("Starting the local cloud …") as status:

        def progress(part: str, state: str) -> None:
            if state in {"starting", "deploying"}:
                status.update(f"{part}: {state} …")
            else:
                notices.print(f"[green]✓[/] {part:<12} {state:<10} [dim]{time.monotonic() - began:5.1f} s[/]")

        lifecycle.up(instance, progress)
    console.print(_urls(instance))
    console.print(f"Next: [bold]curl -i {instance.api_url}/health[/], [bold]./millrace status[/]", soft_wrap=True)


def find_ignored_variables() -> str | None:
    """Return a note about variables of this shell that the local cloud ignores, or None if there are none."""
    found = [name for name in FUNCTIONS_OWN if os.environ.get(name)]
    if not found:
        return None
    return f"Without effect here: {', '.join(found)}. The local cloud reads MILLRACE_*: docs/operations.md, Settings."


def _urls(instance: Instance) -> Table:
    table = Table("What", "Where", title="The local cloud is up")
    table.add_row("The application's API", instance.api_url)
    table.add_row("AWS endpoint (LocalStack)", instance.localstack_url)
    table.add_row("Kafka bootstrap servers", instance.kafka_bootstrap)
    table.add_row("Postgres", f"127.0.0.1:{instance.ports['postgres']}, one database per domain (./millrace env)")
    table.add_row("Redis", instance.redis_url)
    table.add_row("OpenSearch", instance.opensearch_url)
    table.add_row("Stripe's API", stripe_account.current(instance).api_base)
    table.add_row("Status", instance.status_url)
    table.add_row("Logs", f"{instance.logs} (./millrace logs NAME -f)")
    return table
