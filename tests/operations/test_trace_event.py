"""An event's whole way: each step is shown from where it is kept, and what is missing is said."""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer as Client
from confluent_kafka import Producer, TopicPartition

import catalog.on_order_events
import catalog.publish_events
import orders.publish_events
from kernel import ids
from kernel.messaging import outbox
from kernel.messaging.log_record import LogRecord
from kernel.messaging.outbox import Message
from kernel.messaging.topic_log import TopicLog
from kernel.storage import database
from operations import consumers, topics, trace_event
from operations.consumers import Consumer
from tests.kit import copies, relays
from tests.kit import operations as kit_operations
from tests.kit import topics as kit
from tests.kit.aws import Aws
from tests.kit.databases import Database
from tests.kit.domains import set_consumer
from tests.kit.lambda_events import Context, batch

pytestmark = pytest.mark.usefixtures("operations", "brokers")


class Way:
    """An order event, as it goes from the orders' outbox to the catalog."""

    def __init__(self, kafka: str, topic: str, orders: Database, catalog: Database, aws: Aws) -> None:
        self.kafka, self.topic, self.orders, self.catalog = kafka, topic, orders, catalog
        self.order, self.id, self.request = str(uuid4()), str(ids.new()), f"request-{uuid4()}"
        self._logs = aws.client("logs")

    def store(self, **changes: object) -> None:
        """Add the event to the orders' outbox."""
        value = {"type": "OrderCreated", "orderId": self.order, "amount": 5, **changes}
        headers = {
            "ce_id": self.id,
            "ce_type": "OrderCreated",
            "ce_source": "/orders",
            "ce_correlationid": self.request,
        }
        encoded = [(name, text.encode()) for name, text in headers.items()]
        message = Message(self.topic, self.order.encode(), encoded, json.dumps(value).encode(), self.order)
        with self.orders.connect("app") as connection:
            outbox.add_messages(connection, [message])

    def publish(self) -> None:
        with relays.relaying(self.orders, self.kafka, self.topic):
            relays.run(orders.publish_events)

    def publish_dead_letters(self) -> None:
        with relays.relaying(self.catalog, self.kafka, f"{self.topic}-catalog-dlq"):
            relays.run(catalog.publish_events)

    def consume(self) -> None:
        """Let the catalog apply what is on the topic, and commit that."""
        with TopicLog() as log:
            records = list(log.read_all(self.topic, log.ranges(self.topic)))
            ends = log.ranges(self.topic)
        answer = catalog.on_order_events.handler(batch(*map(delivered, records)), Context())
        assert answer == {"batchItemFailures": []}
        client = Client({"bootstrap.servers": self.kafka, "group.id": f"catalog-{self.topic}"})
        places = [TopicPartition(self.topic, number, offsets.stop) for number, offsets in ends.items()]
        client.commit(offsets=places, asynchronous=False)
        client.close()

    def log(self, domain: str, **line: object) -> None:
        """Write a line as a function does."""
        group = f"/millrace/local/{domain}"
        self._logs.create_log_group(logGroupName=group)
        self._logs.create_log_stream(logGroupName=group, logStreamName="one")
        events = [{"timestamp": round(time.time() * 1000), "message": json.dumps(line)}]
        self._logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)

    def trace(self, id_: str | None = None, **options: object) -> dict[str, Any]:
        found: dict[str, Any] = kit_operations.run(trace_event.handler, id=id_ or self.id, **options)
        return found

    def step(self) -> dict[str, Any]:
        """Return what the catalog did with the event."""
        [event] = self.trace()["events"]
        [step] = event["consumers"]
        return dict(step)


def delivered(record: LogRecord) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": b64encode(record.key or b"").decode(),
        "value": b64encode(record.value or b"").decode(),
        "headers": [{name: list(value or b"")} for name, value in record.headers],
    }


@pytest.fixture
def way(migrated: Callable[[str], Database], brokers: str, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    topic = kit.create(brokers, partitions=2)
    kit_dead = f"{topic}-catalog-dlq"
    known = Consumer(
        "catalog.on_order_events",
        "CatalogOnOrderEvents",
        topic,
        f"catalog-{topic}",
        kit_dead,
        ["OrderCreated"],
        together=True,
        generation=1,
        ignores_replays=True,
        idempotent_without_inbox=True,
    )
    monkeypatch.setattr(consumers, "consumers", lambda: (known,))
    monkeypatch.setattr(topics, "names", lambda: [topic, kit_dead])
    monkeypatch.setenv("DOMAINS", "catalog,orders")
    set_consumer(monkeypatch, "catalog", topic)
    with ExitStack() as stack:
        lent = {name: stack.enter_context(copies.lent(migrated(name))) for name in ("catalog", "orders")}
        for name, each in lent.items():
            monkeypatch.setenv(f"DATABASE_URL_{name.upper()}_RO", each.url("ro"))
            monkeypatch.setenv(f"DATABASE_URL_{name.upper()}", each.url("app"))
        made = Way(brokers, topic, lent["orders"], lent["catalog"], aws)
        with relays.relaying(lent["catalog"], brokers, kit_dead):
            pass
        yield made
        database.reset()


def test_an_event_that_is_not_published_waits_in_its_outbox(way: Way) -> None:
    """Or is parked there, with the reason."""
    way.store()
    [event] = way.trace()["events"]
    assert (event["outbox"]["domain"], event["outbox"]["published_at"]) == ("orders", None)
    assert (event["records"], event["consumers"]) == ([], [])

    with way.orders.connect() as connection:
        connection.execute("UPDATE outbox SET parked_at = now(), parked_reason = 'too large'")
    [event] = way.trace()["events"]
    assert event["outbox"]["parked_reason"] == "too large"


def test_a_published_event_waits_for_its_consumer(way: Way) -> None:
    """Its record is found by the time of its row."""
    way.store()
    way.publish()

    [event] = way.trace()["events"]

    [record] = event["records"]
    assert (record["topic"], record["key"]) == (way.topic, way.order)
    [step] = event["consumers"]
    assert (step["consumer"], step["state"], step["committed"]) == ("catalog.on_order_events", "waits", None)


def test_an_applied_event_shows_its_rows_and_what_follows_from_it(way: Way) -> None:
    """Exactly its own, because it was applied alone."""
    way.store(items=[{"productId": str(uuid4()), "name": "a", "quantity": 1, "unitPriceCents": 5}], reservesStock=True)
    way.publish()
    way.consume()

    step = way.step()

    assert step["state"] == "applied"
    assert step["committed"] == 1
    assert step["handled"]["events"] == 1
    [rows] = step["handled"]["report"]["written"]
    assert (rows["table"], rows["keys"], rows.get("rows")) == ("holds", [{"order_id": way.order}], None)
    assert [each["headers"]["ce_type"] for each in step["handled"]["published"]] == ["StockRefused"]


def test_rows_of_a_batch_are_called_the_batchs(way: Way) -> None:
    """The events of one transaction cannot be told apart."""
    way.store()
    first, way.id, way.order = way.id, str(ids.new()), str(uuid4())
    way.store()
    way.publish()
    way.consume()

    assert way.step()["handled"]["events"] == 2
    assert [each["id"] for each in way.trace(first)["events"]] == [first]
    assert {each["id"] for each in way.trace(way.request)["events"]} == {first, way.id}


def test_a_dead_letter_is_shown_with_its_cause(way: Way) -> None:
    """Where it is, also while its outbox has it."""
    way.store(amount="much")
    way.publish()
    way.consume()

    step = way.step()
    [letter] = step["letters"]
    assert (step["state"], letter["offset"]) == ("dead-lettered", None)

    way.publish_dead_letters()
    [letter] = way.step()["letters"]
    assert (letter["topic"], letter["offset"]) == (f"{way.topic}-catalog-dlq", 0)
    assert letter["error"]["error_class"] == "MalformedError"


def test_a_redriven_letter_is_followed_to_where_it_was_published_again(way: Way, operations: Database) -> None:
    """And what became of it: it is applied once."""
    way.store(amount="much")
    way.publish()
    way.consume()
    way.publish_dead_letters()
    [letter] = way.step()["letters"]
    task = str(uuid4())
    with operations.connect() as connection:
        connection.execute(
            """
            INSERT INTO tasks (id, operation, command, total, checkpoint, who) VALUES (%s, 'redrive', '{}', 1, '{}', 'ann')
            """,
            (task,),
        )
        connection.execute(
            """
            INSERT INTO letters (topic, partition, "offset", "timestamp", state, task_id) VALUES (%s, %s, %s, %s, 'redriven', %s)
            """,
            (letter["topic"], letter["partition"], letter["offset"], letter["timestamp"], task),
        )
    producer = Producer({"bootstrap.servers": way.kafka})
    value = json.dumps({"type": "OrderCreated", "orderId": way.order, "amount": 5}).encode()
    headers = {"ce_id": way.id, "ce_type": "OrderCreated", "ce_source": "/orders", "redrive_id": task}
    producer.produce(way.topic, value, way.order.encode(), headers=list(headers.items()))
    assert producer.flush(20) == 0
    way.consume()

    step = way.step()

    assert (step["state"], step["explanation"]) == ("applied", "after it was a dead letter")
    [letter] = step["letters"]
    assert (letter["state"], letter["task"]) == ("redriven", task)
    assert [each["headers"]["redrive_id"] for each in letter["redriven"]] == [task]


def test_the_request_and_the_consumers_attempts_come_from_the_logs(way: Way) -> None:
    """By the correlation id, and by the record's place."""
    way.store()
    way.publish()
    [event] = way.trace()["events"]
    record = event["records"][0]
    place = {"partition": f"{way.topic}-{record['partition']}", "offset": record["offset"]}
    way.log("catalog", message="partition waits", error="OperationalError 57P03", **place)
    way.log(
        "orders",
        message="request",
        method="POST",
        route="/orders",
        status=201,
        duration_ms=3.5,
        correlation_id=way.request,
        gateway_id="g",
        timestamp="2026-11-27T18:00:00.000+00:00",
    )

    path = way.trace(way.request)

    assert path["kind"] == "request"
    [request] = path["requests"]
    assert (request["method"], request["route"], request["status"]) == ("POST", "/orders", 201)
    [event] = path["events"]
    assert event["consumers"][0]["returned"] == {"OperationalError 57P03": 1}


def test_an_event_whose_row_is_gone_is_found_on_its_topic(way: Way) -> None:
    """By the time that is in its id."""
    way.store()
    way.publish()
    with way.orders.connect() as connection:
        connection.execute("DELETE FROM outbox")

    [event] = way.trace()["events"]

    assert event["outbox"] is None
    assert len(event["records"]) == 1


def test_an_id_that_is_nowhere_says_what_was_looked_at(way: Way) -> None:
    """A UUID of another version has no time by which topics could be searched."""
    path = way.trace(str(uuid4()))

    assert (path["kind"], path["events"]) == ("unknown", [])
    assert "no topic, because the id has no time in it" in path["looked_at"][-1]
    assert "all topics from" in way.trace(str(ids.new()))["looked_at"][-1]


def test_rows_are_shown_on_the_local_cloud_alone(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may hold personal data."""
    monkeypatch.setenv("STAGE", "prod")

    answer = trace_event.handler({"id": way.id, "rows": True}, Context(milliseconds=kit_operations.LONGEST))

    assert answer["error"]["fields"][0]["path"] == "rows"
