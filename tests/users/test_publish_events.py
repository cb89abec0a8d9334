"""The users domain's relay, into a real Kafka."""

import json

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from tests.kit import operations, topics
from tests.kit.databases import Database
from tests.users.conftest import Client, user_id
from users import publish_events


def test_what_users_did_arrives_on_both_topics_in_order(
    users: Database, client: Client, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the role of the relay: a user's events under the user's id, registered before updated; the transaction."""
    client.update(username=f"{client.username}-2")
    client.transact({"amountCents": 500, "currency": "USD", "description": "Deposit"})
    admin = AdminClient({"bootstrap.servers": kafka})
    created = admin.create_topics([NewTopic(name, 2, 1) for name in ("user-events", "transaction-events")])
    for each in created.values():
        each.result(timeout=10)
    monkeypatch.setenv("DATABASE_URL_USERS", users.url("relay"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    monkeypatch.setenv("RELAY_SECONDS", "0")

    assert operations.run(publish_events.handler)["published"] == 3

    of_users, of_transactions = topics.read(kafka, "user-events"), topics.read(kafka, "transaction-events")
    assert [json.loads(each.value() or b"")["type"] for each in of_users] == ["user-registered", "user-updated"]
    assert [json.loads(each.value() or b"")["type"] for each in of_transactions] == ["transaction_created"]
    owner = str(user_id(users, Client(f"{client.username}-2"))).encode()
    assert {each.key() for each in [*of_users, *of_transactions]} == {owner}
    assert users.rows("SELECT FROM outbox WHERE published_at IS NULL") == []
