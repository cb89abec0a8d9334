"""The index beside the database: events on their way to the indexer, and what is in both."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from catalog import on_product_events, opensearch, search_products
from tests.kit.api import Answer, call
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, record

TABLE = {"name": "Oak table", "description": "Seats six.", "category": "furniture", "priceCents": 49900}


@dataclass(frozen=True)
class Index:
    """The index of *database*'s products."""

    database: Database

    def records(self) -> list[dict[str, Any]]:
        """What the domain has published so far, as the mapping delivers it; a product's events in one partition."""
        rows = self.database.rows("SELECT id, key, headers, value FROM outbox ORDER BY id")
        return [
            record(
                bytes(value),
                offset,
                partition=bytes(key)[-1] % 4,
                key=bytes(key),
                headers=[(name, text.encode()) for name, text in headers],
            )
            for offset, key, headers, value in rows
        ]

    def consume(self, records: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
        """The failures that the indexer returns; of all records, if none are given."""
        answer = on_product_events.handler(batch(*(self.records() if records is None else records)), Context())
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    def documents(self, alias: str = "products") -> dict[str, dict[str, Any]]:
        """What searches can see behind *alias*, by id."""
        with opensearch.client() as client:
            client.indices.refresh(index=alias)
            found = client.search(index=alias, body={"size": 1000, "query": {"term": {"deleted": False}}})
        return {each["_id"]: each["_source"] for each in found["hits"]["hits"]}

    def products(self) -> dict[str, tuple[Any, ...]]:
        rows = self.database.rows("SELECT id, version, name, price_cents, stock FROM products")
        return {str(row[0]): row[1:] for row in rows}

    def equals_database(self) -> bool:
        """Whether searches see exactly the products that there are, as they are."""
        fields = ("version", "name", "priceCents", "stock")
        seen = {key: tuple(source[name] for name in fields) for key, source in self.documents().items()}
        return seen == self.products()

    def clear(self) -> None:
        """Begin anew: no products, no events, no index."""
        with self.database.connect() as connection:
            connection.execute("TRUNCATE products, outbox, inbox")
        self.drop()

    def drop(self) -> None:
        with opensearch.client() as client:
            names = list(client.indices.get_alias(index="products-*"))
            for name in names:
                client.indices.delete(index=name)


def search(**query: object) -> Answer:
    texts = {name: str(value) for name, value in query.items()}
    return call(search_products.handler, "GET", query=texts)


def found(**query: object) -> list[str]:
    """The names of the products, in order."""
    answer = search(**query)
    assert answer.status == 200, answer.body
    return [each["name"] for each in answer.body["items"]]


def pages(**query: object) -> Iterator[list[dict[str, Any]]]:
    """The items of every page, by following the links."""
    while True:
        answer = search(**query)
        assert answer.status == 200, answer.body
        yield answer.body["items"]
        if "Link" not in answer.headers:
            return
        query = dict(parse_qsl(answer.headers["Link"].partition("; ")[0].strip("<?>"), strict_parsing=True))
