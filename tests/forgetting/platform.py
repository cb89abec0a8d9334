"""All domains on one Postgres and one Redis, without Kafka: what the outboxes hold is handed to the consumers."""

import importlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from redis import Redis

from kernel.messaging.events import Header
from kernel.messaging.outbox import decode_headers
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, record
from tools.template import FUNCTIONS, Function

UNPUBLISHED: LiteralString = """
    UPDATE outbox SET published_at = clock_timestamp() FROM (
        SELECT id FROM outbox WHERE published_at IS NULL AND parked_at IS NULL ORDER BY id
    ) AS waiting WHERE outbox.id = waiting.id
    RETURNING outbox.id, topic, key, headers::text, value
"""
COLUMNS: LiteralString = """
    SELECT table_name::text, array_agg(column_name::text), array_agg(data_type::text)
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' GROUP BY table_name
"""
# It needs OpenSearch, and products are nobody's.
LEFT_OUT = "catalog.on_product_events"
CONSUMERS = [each for each in FUNCTIONS if each.topics and each.module != LEFT_OUT]


@dataclass
class Message:
    key: bytes | None
    value: bytes
    headers: list[Header]


@dataclass
class Platform:
    """*told*: every record so far, by topic."""

    databases: dict[str, Database]
    redis: Redis
    told: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))

    def settle(self) -> None:
        """Publish and consume until there is nothing more to be published."""
        while any(self._carry(database) for database in self.databases.values()):
            pass

    def carry(self, topic: str, messages: list[Message]) -> None:
        """Hand the records to every consumer of the topic."""
        offset = len(self.told[topic])
        self.told[topic] += messages
        records = [
            record(each.value, offset + number, key=each.key, headers=each.headers)
            for number, each in enumerate(messages)
        ]
        for consumer in CONSUMERS:
            if consumer.topics == [topic]:
                consume(consumer, batch(*records))

    def replay(self) -> None:
        """Hand everything that was ever told to the consumers again, each record as one that no inbox knows."""
        before = {topic: list(messages) for topic, messages in self.told.items()}
        for topic, messages in before.items():
            renamed = [Message(each.key, each.value, _renamed(each.headers)) for each in messages]
            self.carry(topic, renamed)
        self.settle()

    def sweep(self) -> None:
        """Let every relay delete what names people who were forgotten."""
        for database in self.databases.values():
            with database.connect("relay") as connection:
                while connection.execute("SELECT sweep_forgotten('0', 1000)").fetchone() == (True,):
                    pass

    def found(self, *words: str) -> set[str]:
        """Where in all tables and in Redis one of *words* is, in whatever column or encoding."""
        tables = {
            f"{domain}.{table}" for domain, database in self.databases.items() for table in _holding(database, words)
        }
        keys = [key.decode() for key in self.redis.scan_iter()]
        kept = [f"{key} {self.redis.get(key)!r}" for key in keys if self.redis.type(key) == b"string"]
        assert len(kept) == len(keys)
        return tables | {
            f"redis {text.partition('{')[0]}" for text in kept if any(word.lower() in text.lower() for word in words)
        }

    def _carry(self, database: Database) -> bool:
        with database.connect("relay") as connection:
            rows = sorted(connection.execute(UNPUBLISHED).fetchall())
        topics: dict[str, list[Message]] = defaultdict(list)
        for _, topic, key, headers, value in rows:
            topics[topic].append(Message(key, value, decode_headers(headers)))
        for topic, messages in topics.items():
            self.carry(topic, messages)
        return bool(rows)


def consume(consumer: Function, event: dict[str, Any]) -> None:
    """Run *consumer* as the template describes it. It takes every record."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("TOPIC", "CONSUMER_GROUP", "DEAD_LETTER_TOPIC"):
            environment.setenv(name, consumer.properties["Environment"]["Variables"][name])
        answer = importlib.import_module(consumer.module).handler(event, Context())
    assert answer == {"batchItemFailures": []}, consumer.module


def _renamed(headers: list[Header]) -> list[Header]:
    return [(name, str(uuid4()).encode() if name in ("ce_id", "dlq_id") else value) for name, value in headers]


def _holding(database: Database, words: tuple[str, ...]) -> Iterator[str]:
    """The tables with a row that holds one of *words*."""
    with psycopg.connect(database.server, dbname=database.name) as connection:
        for table, columns, types in connection.execute(COLUMNS).fetchall():
            texts = [
                sql.SQL("encode({}, 'escape')" if kind == "bytea" else "{}::text").format(sql.Identifier(column))
                for column, kind in zip(columns, types, strict=True)
            ]
            query = sql.SQL("SELECT count(*) FROM {} WHERE concat_ws(' ', {}) ILIKE ANY(%s)").format(
                sql.Identifier(table), sql.SQL(", ").join(texts)
            )
            if connection.execute(query, ([f"%{word}%" for word in words],)).fetchone() != (0,):
                yield table
