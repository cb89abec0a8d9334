"""Access to the Kafka brokers: their addresses, the authentication, and whether they answer."""

import contextlib
import socket
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaConnectionError

from kernel import settings

REACH_SECONDS = 2


def access() -> dict[str, Any]:
    """Return kafka-python's options for the brokers' addresses and the authentication.

    Raises KafkaConnectionError unless a server accepts a connection: kafka-python would leave its sockets open.
    """
    broker = settings.Kafka.from_environment()
    iam = {"sasl_mechanism": "AWS_MSK_IAM"} if broker.security_protocol == "SASL_SSL" else {}
    servers = list(broker.bootstrap_servers)
    _reach(servers)
    return {"bootstrap_servers": servers, "security_protocol": broker.security_protocol, **iam}


def check() -> None:
    """Check that a broker lists its topics. Raises KafkaError when none does within 3 seconds."""
    client = KafkaAdminClient(bootstrap_timeout_ms=3_000, request_timeout_ms=3_000, **access())
    try:
        client.list_topics()
    finally:
        client.close()


def _reach(servers: list[str]) -> None:
    for server in servers:
        host, _, port = server.rpartition(":")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=REACH_SECONDS):
            return
    message = f"No broker can be reached at {', '.join(servers)}."
    raise KafkaConnectionError(message)
