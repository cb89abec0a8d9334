"""What the documents of the services before this one promise: their requests, their events and their names, as written.

Where a document says only what is stored or published, the answers and the topics show it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from confluent_kafka import Consumer, Message, Producer

from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until

# The body of document 001's example; it is taken once in each cloud.
REGISTRATION = {"username": "testuser", "email": "test@example.com", "password": "password123"}


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def testuser(api: httpx.Client) -> dict[str, Any]:
    """The user of document 001, as the registration answers."""
    answer = api.post("/api/v1/auth/register", json=REGISTRATION)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture(scope="module")
def signed_in(api: httpx.Client, testuser: dict[str, Any]) -> dict[str, str]:
    """The header that document 001 names, with the token of a log-in by e-mail and password."""
    answer = api.post("/api/v1/auth/login", json={name: REGISTRATION[name] for name in ("email", "password")})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def published(cloud: Cloud, topic: str, **fields: object) -> dict[str, Any]:
    """The value of the record on *topic* that has *fields*, waiting for it."""
    settings = {"bootstrap.servers": cloud.instance.kafka_bootstrap, "group.id": str(uuid4())}
    consumer = Consumer(settings | {"auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        values = map(object_of, consumer.consume(1000, 0.5))
        found.extend(value for value in values if fields.items() <= value.items())
        return bool(found)

    try:
        wait_until(is_there, seconds=60, what=f"{fields} on {topic}")
    finally:
        consumer.close()
    return found[0]


def object_of(record: Message) -> dict[str, Any]:
    """The JSON object of a record; an empty one of what other tests have left on the topic."""
    try:
        value = json.loads(record.value() or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) and record.error() is None else {}


def messages(api: httpx.Client, headers: dict[str, str]) -> list[str]:
    answer = api.get("/api/v1/notification/user", headers=headers)
    assert answer.status_code == 200, answer.text
    return [each["message"] for each in answer.json()]


def test_001_a_registration_answers_the_user_without_the_password(testuser: dict[str, Any]) -> None:
    """201; the id is a UUID."""
    assert UUID(testuser["id"])
    assert (testuser["username"], testuser["email"]) == ("testuser", "test@example.com")
    assert "password" not in json.dumps(testuser).lower()


def test_001_a_registration_publishes_and_welcomes(
    cloud: Cloud, api: httpx.Client, testuser: dict[str, Any], signed_in: dict[str, str]
) -> None:
    """user-registered on user-events, and the message in the user's notifications."""
    event = published(cloud, "user-events", type="user-registered", userId=testuser["id"])
    welcome = "Welcome, testuser! Your account has been created."

    assert event["username"] == "testuser"
    wait_until(lambda: welcome in messages(api, signed_in), seconds=60, what="the welcome")


@pytest.mark.parametrize("path", ["/api/v1/users/profile", "/api/v1/auth/profile"])
def test_001_a_profile_takes_a_token(api: httpx.Client, signed_in: dict[str, str], path: str) -> None:
    """With it the user's own, by both prefixes; without it 401."""
    assert api.get(path, headers=signed_in).json()["username"] == "testuser"
    assert api.get(path).status_code == 401


def test_001_a_blog_is_created_read_updated_and_deleted(
    cloud: Cloud, api: httpx.Client, testuser: dict[str, Any], signed_in: dict[str, str]
) -> None:
    """Both events are on blog-events, and the author is told; changes take a token."""
    blog = {"title": "My Blog", "content": "Words."}
    assert api.post("/api/v1/blogs", json=blog).status_code == 401
    made = api.post("/api/v1/blogs", json=blog, headers=signed_in)
    assert made.status_code == 201, made.text
    place = f"/api/v1/blogs/{made.json()['id']}"
    assert api.get(place).json()["title"] == "My Blog"
    assert api.put(place, json=blog | {"content": "Others."}, headers=signed_in).status_code == 200

    event = published(cloud, "blog-events", type="blog-published", blogId=made.json()["id"])
    published(cloud, "blog-events", type="blog-updated", blogId=made.json()["id"])
    assert (event["title"], event["authorId"]) == ("My Blog", testuser["id"])
    told = "Your blog My Blog has been created"
    wait_until(lambda: told in messages(api, signed_in), seconds=60, what="the notification")

    assert api.delete(place).status_code == 401
    assert api.delete(place, headers=signed_in).status_code == 204
    assert api.get(place).status_code == 404


@pytest.mark.parametrize("kind", ["email", "in-app"])
def test_001_a_notification_is_created_by_hand(api: httpx.Client, signed_in: dict[str, str], kind: str) -> None:
    """Of both types that the document has; it is among the user's by both prefixes."""
    message = f"Hello {uuid4()}"
    made = api.post("/api/v1/notifications", json={"message": message, "type": kind}, headers=signed_in)

    assert made.status_code == 201, made.text
    assert made.json().keys() >= {"id", "userId", "message", "type", "createdAt"}
    assert message in messages(api, signed_in)
    assert message in [each["message"] for each in api.get("/api/v1/notifications/user", headers=signed_in).json()]


def test_000_a_transaction_reaches_the_ledger(
    cloud: Cloud, api: httpx.Client, testuser: dict[str, Any], signed_in: dict[str, str]
) -> None:
    """The users service publishes transaction_created; the transactions service keeps it."""
    asked = {"amountCents": 1250, "currency": "EUR", "description": "Coffee"}
    made = api.post("/api/v1/transactions", json=asked, headers=signed_in)
    assert made.status_code == 201, made.text
    place = f"/api/v1/transactions/{made.json()['id']}"

    published(cloud, "transaction-events", type="transaction_created", userId=testuser["id"])
    wait_until(lambda: api.get(place, headers=signed_in).status_code == 200, seconds=60, what="the ledger")


def test_002_products_are_searched(api: httpx.Client) -> None:
    """Without signing in. What is bought and how that is paid is in test_commerce."""
    answer = api.get("/api/v1/products/search", params={"q": "oak"})

    assert answer.status_code == 200, answer.text


def test_003_an_event_is_generated_processed_and_logged(cloud: Cloud, api: httpx.Client) -> None:
    """The request, the answers, the record and the row have the document's names; the consumer logs its three fields."""
    user = f"user-{uuid4()}"
    sent = {"userId": user, "eventType": "LOGIN", "payload": {"example": "data"}}
    answer = api.post("/events/generate", json=sent)
    assert answer.status_code == 200, answer.text
    event_id = answer.json()["eventId"]
    assert answer.json() == {"message": "Event published successfully", "eventId": str(UUID(event_id))}

    record = published(cloud, "user-activity-events", eventId=event_id)
    assert record == sent | {"eventId": event_id, "timestamp": record["timestamp"]}
    wait_until(lambda: event_id in api.get("/events/processed").text, seconds=60, what="the row")
    [row] = [each for each in api.get("/events/processed").json() if each["id"] == event_id]
    said = {"id": event_id, "user_id": user, "event_type": "LOGIN", "payload": {"example": "data"}}
    assert row == said | {"created_at": row["created_at"]}

    logged: list[dict[str, Any]] = []

    def is_logged() -> bool:
        name, wanted = "activity.on_user_activity_events", answer.headers["X-Request-Id"]
        ran = cloud.millrace("logs", name, "--request-id", wanted, check=False)
        lines = [line.split(" ", 2)[2] for line in ran.stdout.splitlines() if event_id in line]
        logged.extend(json.loads(line) for line in lines)
        return bool(logged)

    wait_until(is_logged, seconds=60, what="the consumer's log")
    [line] = logged
    assert (line["level"], line["eventId"], line["userId"], line["eventType"]) == ("INFO", event_id, user, "LOGIN")


def test_003_a_record_that_is_no_event_goes_to_the_dead_letters(cloud: Cloud) -> None:
    """Topics and group have the names that the document's variables give them."""
    value = {"eventId": str(uuid4()), "userId": "user123", "eventType": "DANCE"}
    produce(cloud, "user-activity-events", value)

    assert published(cloud, "user-activity-events-dlq", eventId=value["eventId"]) == value


def test_003_health_is_up(api: httpx.Client) -> None:
    assert api.get("/health").json() == {"status": "UP"}


def test_004_an_order_of_an_amount_is_paid(cloud: Cloud, api: httpx.Client) -> None:
    """Nothing but the amount is sent, by nobody; OrderCreated and PaymentCompleted are on their topics."""
    answer = api.post("/orders", json={"amount": 500})
    assert answer.status_code == 201, answer.text
    order = answer.json()["orderId"]

    assert published(cloud, "order-events", type="OrderCreated", orderId=order)["amount"] == 500
    published(cloud, "payment-events", type="PaymentCompleted", orderId=order)


def test_004_another_services_order_is_paid(cloud: Cloud) -> None:
    """Its event has the document's three fields and none of our headers."""
    order = str(uuid4())
    produce(cloud, "order-events", {"type": "OrderCreated", "orderId": order, "amount": 500})

    published(cloud, "payment-events", type="PaymentCompleted", orderId=order)


def produce(cloud: Cloud, topic: str, value: Mapping[str, object]) -> None:
    """Write *value* as another service does: JSON alone."""
    producer = Producer({"bootstrap.servers": cloud.instance.kafka_bootstrap})
    producer.produce(topic, value=json.dumps(value).encode())
    producer.flush(30)
