"""10,000 products: how fast they are indexed and found, beside Postgres's full text, in one run on this machine.

Through the functions, as Lambda calls them, without the gateway. The first page has facets, filters and highlights.
"""

import contextlib
import logging
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

from catalog import full_text, index, on_product_events, opensearch, search_index, store
from catalog.model import Product, announce_created
from catalog.schemas import ProductDetails, SearchProducts
from kernel import ids, telemetry
from kernel.messaging.events import encode
from kernel.storage.database import transaction
from millrace_local.servers.opensearch import OpenSearch
from millrace_local.servers.postgres import Postgres, superuser_url
from tests.benchmarks.machine import describe
from tests.kit import databases
from tests.kit.lambda_events import Context, batch, record
from tests.kit.servers import free_instance, running

PRODUCTS = 10_000
BATCH = 1000
SEARCHES = 300
WARM_UP = 30
ADJECTIVES = ("oak", "small", "bright", "folding", "garden", "modern", "old", "blue", "heavy", "light")
NOUNS = ("table", "chair", "lamp", "shelf", "sofa", "desk", "mirror", "carpet", "vase", "clock")


def main() -> None:
    telemetry.logger.setLevel(logging.WARNING)
    telemetry.publish = lambda *_, **__: None
    chance = random.Random(1)  # noqa: S311 - the same products each time
    with _servers():
        products = _products(chance)
        batches = [_batch(products[start : start + BATCH]) for start in range(0, PRODUCTS, BATCH)]
        began = time.perf_counter()
        for each in batches:
            assert on_product_events.handler(each, Context()) == {"batchItemFailures": []}
        seconds = time.perf_counter() - began
        with opensearch.client() as client:
            client.indices.refresh(index=index.LIVE)
            indexed = client.count(index=index.LIVE)["count"]
        queries = [_query(chance) for _ in range(SEARCHES + WARM_UP)]
        searched = _milliseconds(lambda page: search_index.search(page, None), queries)
        fallback = _milliseconds(lambda page: full_text.search(page, None), queries)
    print(describe())
    print(f"indexed {indexed} products from events in {seconds:.1f} s: {indexed / seconds:.0f} per second")
    print(_row("first page, OpenSearch", searched))
    print(_row("first page, Postgres", fallback))
    print(
        f"{'ratio of the medians':<24} {statistics.median(fallback) / statistics.median(searched):.2f} Postgres / OpenSearch"
    )
    assert indexed == PRODUCTS


@contextlib.contextmanager
def _servers() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as home:
        instance = free_instance(Path(home))
        with running(Postgres(), instance), running(OpenSearch(), instance):
            database = databases.migrated(superuser_url(instance), "catalog")
            variables = {
                "DATABASE_URL_CATALOG": database.url("app"),
                "OPENSEARCH_URL": instance.opensearch_url,
                "TOPIC": "product-events",
                "CONSUMER_GROUP": "catalog-product-events",
                "DEAD_LETTER_TOPIC": "product-events-catalog-dlq",
            }
            with patch.dict(os.environ, variables):
                yield
                opensearch.reset()


def _products(chance: random.Random) -> list[Product]:
    with transaction("catalog") as connection:
        return [store.add(connection, ids.new(), _details(chance, number)) for number in range(PRODUCTS)]


def _details(chance: random.Random, number: int) -> ProductDetails:
    adjective, noun = chance.choice(ADJECTIVES), chance.choice(NOUNS)
    return ProductDetails(
        name=f"{adjective} {noun} {number}".capitalize(),
        category=noun,
        price_cents=chance.randint(100, 100_000),
        description=" ".join(chance.choices(ADJECTIVES + NOUNS, k=30)),
        stock=chance.randint(0, 20),
    )


def _batch(products: list[Product]) -> dict[str, object]:
    records = []
    for offset, product in enumerate(products):
        key, value, headers = encode(announce_created(product))
        records.append(record(value, offset, key=key, headers=headers))
    return batch(*records)


def _query(chance: random.Random) -> SearchProducts:
    words = f"{chance.choice(ADJECTIVES)} {chance.choice(NOUNS)}"
    return SearchProducts(q=words, max_price_cents=chance.randint(10_000, 100_000), in_stock=chance.random() < 0.5)


def _milliseconds(search: Callable[[SearchProducts], object], queries: list[SearchProducts]) -> list[float]:
    times = []
    for query in queries:
        began = time.perf_counter()
        search(query)
        times.append((time.perf_counter() - began) * 1000)
    return times[WARM_UP:]


def _row(what: str, milliseconds: list[float]) -> str:
    percentiles = statistics.quantiles(milliseconds, n=100)
    return f"{what:<24} p50 {percentiles[49]:6.1f} ms   p99 {percentiles[98]:6.1f} ms"


if __name__ == "__main__":
    main()
