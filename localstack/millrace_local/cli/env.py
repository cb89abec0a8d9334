"""`./millrace env`: variables for the user's own tools."""

import shlex
from typing import Annotated

import typer

from millrace_local.cli.output import print_json
from millrace_local.deployment import aws, databases, provision
from millrace_local.instance import Instance
from millrace_local.servers import stripe_account
from millrace_local.servers.localstack import localstack_session


def command(*, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Print exports that make aws, sam, boto3, psql and kcat talk to the local cloud.

    Example: eval "$(./millrace env)" && psql "$DATABASE_URL_ACTIVITY"
    """
    instance = Instance.from_environment()
    localstack_session(instance)
    variables = {
        "API_URL": instance.api_url,
        **aws.environment(instance),
        "KAFKA_BOOTSTRAP_SERVERS": instance.kafka_bootstrap,
        "KAFKA_CLUSTER_ARN": provision.cluster_arn(instance),
        "REDIS_URL": instance.redis_url,
        "OPENSEARCH_URL": instance.opensearch_url,
        "STRIPE_API_BASE": stripe_account.current(instance).api_base,
        **{f"DATABASE_URL_{domain.upper()}": databases.url(instance, domain, "app") for domain in databases.domains()},
    }
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")  # noqa: T201 - for `eval`, so unstyled and unwrapped
