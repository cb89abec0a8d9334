"""How functions reach the brokers: plainly, or as the role that AWS gave them."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from kafka.errors import KafkaConnectionError
from kafka.net.sasl import get_sasl_mechanism

from kernel.messaging import brokers
from tests.kit.aws import REGION, Aws, policy

SIGNED = ("Algorithm", "Credential", "Date", "Expires", "Security-Token", "SignedHeaders")
BROKER = "b-1.millrace.kafka.us-east-1.amazonaws.com"


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The second of two bootstrap servers; nobody listens at the first."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:1,{address}")
        yield address


def test_a_broker_that_trusts_its_network_needs_no_credentials(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One server that accepts a connection is enough."""
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")

    servers = ["127.0.0.1:1", address]
    assert brokers.access() == {"bootstrap_servers": servers, "security_protocol": "PLAINTEXT"}


def test_brokers_that_nobody_reaches_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1,127.0.0.1:2")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")

    with pytest.raises(KafkaConnectionError, match=r"127\.0\.0\.1:1, 127\.0\.0\.1:2"):
        brokers.access()


def test_msk_is_shown_the_temporary_credentials_of_the_role(
    address: str, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key, region and session token are the environment's, and the role's secret key has signed them."""
    role = aws.create_role(policy("kafka-cluster:Connect"))
    for name, value in role.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")

    shown = greet_broker()

    assert shown["x-amz-credential"].split("/")[0] == role["AWS_ACCESS_KEY_ID"]
    assert shown["x-amz-credential"].split("/")[2:] == [REGION, "kafka-cluster", "aws4_request"]
    assert shown["x-amz-security-token"] == role["AWS_SESSION_TOKEN"]
    assert (shown["action"], shown["host"]) == ("kafka-cluster:Connect", BROKER)
    assert shown["x-amz-signature"] == sign(shown, role)


def test_msk_is_shown_new_credentials_on_the_next_connection(
    address: str, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporary credentials end: no connection uses those of an earlier one."""
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    roles = [aws.create_role(policy("kafka-cluster:Connect")) for _ in range(2)]
    shown = []
    for role in roles:
        for name, value in role.items():
            monkeypatch.setenv(name, value)
        shown.append(greet_broker()["x-amz-security-token"])

    assert shown == [role["AWS_SESSION_TOKEN"] for role in roles]


def greet_broker() -> dict[str, str]:
    """Return what kafka-python sends first on a connection with the kernel's options."""
    options: dict[str, Any] = brokers.access()
    mechanism = get_sasl_mechanism(options["sasl_mechanism"])(host=BROKER, **options)
    shown: dict[str, str] = json.loads(mechanism.auth_bytes())
    return shown


def sign(shown: dict[str, str], role: dict[str, str]) -> str:
    """Return the signature of *role* over what was *shown*, as botocore calculates it."""
    keys = Credentials(role["AWS_ACCESS_KEY_ID"], role["AWS_SECRET_ACCESS_KEY"], role["AWS_SESSION_TOKEN"])
    signer = SigV4QueryAuth(keys, "kafka-cluster", REGION, expires=int(shown["x-amz-expires"]))
    query = {"Action": shown["action"]} | {f"X-Amz-{name}": shown[f"x-amz-{name.lower()}"] for name in SIGNED}
    request = AWSRequest("GET", f"https://{BROKER}/", params=query)
    request.context["timestamp"] = shown["x-amz-date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(text, request))
