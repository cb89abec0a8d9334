"""The orders know the last version of each product, however its events arrive."""

import random
from collections.abc import Callable
from itertools import batched
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.contracts.catalog import ProductDeleted, ProductEvent
from orders.on_product_events import handler
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, record
from tests.kit.published import delivered, published
from tests.orders.customers import ALL, product

LAST = "SELECT version, name, price_cents, currency, stock FROM products WHERE product_id = %s"


def test_keeps_what_is_sold_and_for_how_much(orders: Database) -> None:
    """Price, currency and stock as the last version has them."""
    first = product()
    second = product(first.product_id, version=2, price_cents=100, stock=0)
    assert handler(delivered(first, second), Context()) == ALL
    assert orders.rows(LAST, first.product_id) == [(2, "Oak table", 100, "EUR", 0)]


def test_a_deleted_product_is_not_brought_back(orders: Database) -> None:
    """An event that comes late finds that the product is gone, also if it was never known."""
    id_ = uuid4()
    assert handler(delivered(ProductDeleted(product_id=id_, version=3)), Context()) == ALL
    assert handler(delivered(product(id_, version=2), start=1), Context()) == ALL
    assert orders.rows(LAST, id_) == [(3, None, None, None, None)]


def test_what_is_no_product_is_dead_lettered(orders: Database) -> None:
    """Its neighbours are kept."""
    known = product()
    assert handler(batch(record(b'{"type": "product-created"}', 0), published(known, 1)), Context()) == ALL
    assert orders.rows("SELECT topic FROM outbox") == [("events-orders-dlq",)]
    assert len(orders.rows(LAST, known.product_id)) == 1


VERSIONS = 6
DELIVERIES = st.lists(st.lists(st.integers(1, VERSIONS), min_size=1, max_size=8), max_size=6)


@given(deliveries=DELIVERIES, deleted=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_last_version_wins_in_any_order(orders: Database, deliveries: list[list[int]], *, deleted: bool) -> None:
    """Whatever is repeated, reordered or told anew: in the end there is the last version, and once."""
    id_ = uuid4()
    story = [told(id_, version, deleted=deleted) for version in range(1, VERSIONS + 1)]
    start = 0
    for several in [*deliveries, [VERSIONS]]:
        assert handler(delivered(*(story[each - 1] for each in several), start=start), Context()) == ALL
        start += len(several)
    expected = (None, None, None, None) if deleted else ("Oak table", VERSIONS * 100, "EUR", 12)
    assert orders.rows(LAST, id_) == [(VERSIONS, *expected)]


def test_a_thousand_sequences_of_arrival_end_alike(
    orders: Database, record_property: Callable[[str, object], None]
) -> None:
    """A thousand products, the versions of each in a random sequence and all of them mixed, in batches as they come."""
    chance = random.Random(11)  # noqa: S311 - a repeatable test
    products = [uuid4() for _ in range(1000)]
    events = [told(id_, version, deleted=False) for id_ in products for version in range(1, VERSIONS + 1)]
    chance.shuffle(events)
    start = 0
    for several in batched(events, 500, strict=False):
        assert handler(delivered(*several, start=start), Context()) == ALL
        start += len(several)
    versions = dict(orders.rows("SELECT product_id, version FROM products"))
    assert versions == dict.fromkeys(products, VERSIONS)
    record_property("events", len(events))


def told(id_: UUID, version: int, *, deleted: bool) -> ProductEvent:
    if deleted and version == VERSIONS:
        return ProductDeleted(product_id=id_, version=version)
    return product(id_, version=version, price_cents=version * 100)
