"""Make clients of LocalStack's own services."""

from typing import cast

from botocore.config import Config
from localstack.aws.connect import connect_to

from millrace_plugin.kafka_trigger.clients import Client

# A mapping retries by its own rules, and a service that hangs must not block a partition for minutes.
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)


def client(service: str, account: str, region: str) -> Client:
    """Return a client of *service* that acts as *account* in *region*. LocalStack caches it."""
    factory = connect_to(aws_access_key_id=account, region_name=region, config=CONFIG)
    return cast("Client", getattr(factory, service))
