"""The products that the orders know, rebuilt from product-events."""

import random
from typing import Any
from uuid import uuid4

import pytest

from kernel.contracts.catalog import ProductDeleted
from orders import on_product_events, rebuild_projection
from tests.kit import operation_process, operations, topics
from tests.kit.databases import Database
from tests.kit.domains import set_consumer
from tests.kit.lambda_events import Context
from tests.kit.projections import Stream
from tests.kit.servers import wait_until
from tests.orders.customers import product

HANDLER = rebuild_projection.handler


@pytest.fixture
def stream(orders: Database, kafka: str, monkeypatch: pytest.MonkeyPatch) -> Stream:
    topic = topics.create(kafka, partitions=3)
    set_consumer(monkeypatch, "orders", topic)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    monkeypatch.setenv("DATABASE_URL_ORDERS_OWNER", orders.url("owner"))
    return Stream(kafka, topic)


def products(orders: Database) -> list[tuple[Any, ...]]:
    return orders.rows("SELECT * FROM products ORDER BY product_id")


def applied(orders: Database) -> int:
    """Return how many events the rebuild has applied; 0 before it begins."""
    if orders.rows("SELECT to_regclass('rebuild.progress')") == [(None,)]:
        return 0
    [(count,)] = orders.rows("SELECT coalesce((counts ->> 'applied')::int, 0) FROM rebuild.progress")
    return int(count)


def test_wrong_prices_are_mended(orders: Database, stream: Stream) -> None:
    """The last version of each product, and the tombstones of deleted ones, part by part."""
    sold = [product() for _ in range(20)]
    stream.publish(
        *sold,
        *(product(each.product_id, version=2, price_cents=5) for each in sold[:10]),
        *(ProductDeleted(product_id=each.product_id, version=3) for each in sold[:3]),
    )
    stream.consume(on_product_events.handler)
    before = products(orders)
    with orders.connect() as owner:
        owner.execute("UPDATE products SET price_cents = 1 WHERE price_cents = 5")
        owner.execute("DELETE FROM products WHERE price_cents IS NULL")

    answer = operations.part(HANDLER, action="build", execute=True)
    while answer["next"]:
        answer = operations.part(HANDLER, answer["next"])
    assert answer["result"]["events"] == {"applied": 33}
    assert operations.run(HANDLER, action="compare")["count"] == 10
    assert operations.run(HANDLER, action="swap", execute=True, expect=10)["state"] == "swapped"

    assert products(orders) == before
    stream.publish(product(sold[0].product_id, version=9, price_cents=7))
    stream.consume(on_product_events.handler)
    assert orders.rows("SELECT price_cents FROM products WHERE product_id = %s", sold[0].product_id) == [(7,)]


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_rebuild_goes_on_without_a_gap(orders: Database, stream: Stream, seed: int) -> None:
    """SIGKILL at random counts, before positions are kept, and in the middle of the swap: each event is applied once."""
    chosen = random.Random(seed)  # noqa: S311 - no secret
    ids = [uuid4() for _ in range(50)]
    stream.publish(*(product(chosen.choice(ids), version=number) for number in range(1, 9_001)))
    stream.consume(on_product_events.handler, most=4_000)
    payload = {"action": "build", "execute": True}
    for count in sorted(chosen.sample(range(7_000), 3)):
        process = operation_process.start("orders.rebuild_projection", payload)
        wait_until(lambda: applied(orders) >= count, seconds=60, what=f"{count} events")  # noqa: B023 - called at once
        process.kill()
        process.wait()
    for place in ("kernel.messaging.shadow.advance", "kernel.messaging.shadow.swap", "kernel.messaging.shadow.drop"):
        done = {"action": "swap", "execute": True} if place.endswith(("swap", "drop")) else payload
        if done != payload:
            operations.run(HANDLER, **payload)
        elif applied(orders) == 9_000:
            continue
        before = products(orders)
        assert operation_process.start("orders.rebuild_projection", done, dies_in=place).wait() == 9
        assert products(orders) == before

    assert operations.run(HANDLER, **payload)["events"] == {"applied": 9_000}
    assert operations.run(HANDLER, action="swap", execute=True)["applied_ahead"] == 5_000

    rebuilt = products(orders)
    assert len(orders.rows("SELECT FROM inbox")) == 9_000
    stream.consume(on_product_events.handler)
    assert products(orders) == rebuilt


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"action": "status", "execute": True}, "execute"),
        ({"action": "compare", "expect": 3}, "expect"),
        ({"action": "swap", "expect": 3}, "expect"),
        ({"action": "swap", "until": "2026-11-27T08:00:00Z"}, "until"),
    ],
)
def test_an_option_without_an_effect_is_refused(orders: Database, payload: dict[str, Any], path: str) -> None:
    """By name."""
    assert orders.domain
    answer = HANDLER(payload, Context(milliseconds=operations.LONGEST))

    assert [each["path"] for each in answer["error"]["fields"]] == [path]
