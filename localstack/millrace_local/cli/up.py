"""`./millrace up`: start the local cloud and deploy the application."""

import time

from rich.table import Table

from millrace_local import cloud, stripe_account
from millrace_local.cli.output import console, errors
from millrace_local.instance import Instance


def command() -> None:
    """Start the local cloud and deploy the application on it; a second run changes only what is not so yet.

    Example: ./millrace up && curl http://127.0.0.1:8080/health
    """
    instance = Instance.from_environment()
    began = time.monotonic()
    with errors.status("Starting the local cloud …") as status:

        def progress(part: str, state: str) -> None:
            if state in {"starting", "deploying"}:
                status.update(f"{part}: {state} …")
            else:
                errors.print(f"[green]✓[/] {part:<12} {state:<10} [dim]{time.monotonic() - began:5.1f} s[/]")

        cloud.up(instance, progress)
    console.print(_urls(instance))
    console.print(f"Next: [bold]curl -i {instance.api_url}/health[/], [bold]./millrace status[/]", soft_wrap=True)


def _urls(instance: Instance) -> Table:
    table = Table("What", "Where", title="The local cloud is up")
    table.add_row("The application's API", instance.api_url)
    table.add_row("AWS endpoint (LocalStack)", instance.localstack_url)
    table.add_row("Kafka bootstrap servers", instance.kafka_bootstrap)
    table.add_row("Postgres", f"127.0.0.1:{instance.ports['postgres']}, one database per domain (./millrace env)")
    table.add_row("Redis", instance.redis_url)
    table.add_row("OpenSearch", instance.opensearch_url)
    table.add_row("Stripe's API", stripe_account.current(instance).api_base)
    table.add_row("Logs", f"{instance.logs} (./millrace logs NAME -f)")
    return table
