"""The indexer: product-events in, the search index out."""

import itertools
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import index as catalog_index
from kernel.contracts.catalog import ProductCreated
from millrace_local.instance import Instance
from millrace_local.servers.opensearch import OpenSearch
from tests.catalog.indexing import TABLE, Index
from tests.kit.documents import Person, at_once
from tests.kit.servers import running, wait_until


def test_a_product_is_found_in_its_latest_version(index: Index, seller: Person) -> None:
    """Created, changed, deleted: what searches see is what there is."""
    table, chair, lamp = (seller.create(TABLE | {"name": name}).body["id"] for name in ("Table", "Chair", "Lamp"))
    seller.update(chair, TABLE | {"name": "Armchair", "priceCents": 1})
    seller.delete(lamp)

    assert index.consume() == []
    assert index.documents().keys() == {table, chair}
    assert index.equals_database()


@pytest.mark.parametrize("deleted", [False, True])
def test_the_order_of_a_products_events_does_not_matter(index: Index, seller: Person, deleted: bool) -> None:  # noqa: FBT001
    """Each permutation of created, updated, updated and perhaps deleted, one record at a time, ends the same."""
    stories: list[list[dict[str, Any]]] = []
    count = 4 if deleted else 3
    for _ in itertools.permutations(range(count)):
        seen = len(index.records())
        product = seller.create(TABLE).body["id"]
        for price in (1, 2):
            seller.update(product, TABLE | {"priceCents": price})
        if deleted:
            seller.delete(product)
        stories.append(index.records()[seen:])
    for step in range(count):
        orders = itertools.permutations(range(count))
        assert index.consume([story[order[step]] for story, order in zip(stories, orders, strict=True)]) == []

    assert index.equals_database()
    assert len(index.documents()) == (0 if deleted else 6)


def test_an_event_that_outlived_its_tombstone_brings_nothing_back(index: Index, seller: Person) -> None:
    """A creation that arrives after the deletion and after a rebuild, which sweeps tombstones, is no product."""
    product = seller.create(TABLE).body["id"]
    seller.delete(product)
    created, deleted = index.records()
    assert index.consume([deleted]) == []
    index.drop()
    assert index.consume([created]) == []
    assert index.documents() == {}


def test_a_record_that_the_index_refuses_is_dead_lettered_alone(
    index: Index, seller: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mapping error is permanent: that record goes to the dead letters, its neighbours into the index."""
    bad, good = (seller.create(TABLE | {"name": name}).body["id"] for name in ("bad", "good"))
    usual = catalog_index.of_event

    def spoiled(event: ProductCreated) -> catalog_index.Document:
        document = usual(event)
        return document._replace(source=document.source | {"stock": "none"}) if event.name == "bad" else document

    records = index.records()
    monkeypatch.setattr(catalog_index, "of_event", spoiled)
    assert index.consume(records) == []
    assert index.documents().keys() == {good}
    [(key, error)] = index.database.rows("SELECT key, headers::text FROM outbox WHERE topic LIKE '%%-dlq'")
    assert bytes(key).decode() == bad
    assert "RefusedError" in error


def test_an_event_is_counted_as_applied_only_when_the_index_has_it(
    index: Index, seller: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While OpenSearch is down every record is returned, nothing is dead-lettered; afterwards the same batch works."""
    for _ in range(3):
        seller.create(TABLE)
    records = index.records()
    with monkeypatch.context() as down:
        down.setenv("OPENSEARCH_URL", "http://127.0.0.1:1")
        assert len(index.consume(records)) == 3
    assert index.database.rows("SELECT FROM outbox WHERE topic <> 'product-events'") == []
    assert index.consume(records) == []
    assert index.equals_database()


def test_two_indexers_may_make_the_index_at_once(index: Index) -> None:
    """Eight find none and make it: there is one, and it is the live one."""
    assert at_once([catalog_index.targets] * 8) == [["products"]] * 8
    assert len(catalog_index.behind("products")) == 1


def test_the_index_equals_the_database_soon_after_opensearchs_return(
    index: Index, seller: Person, own_instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node of its own is stopped and started; what changed meanwhile is retried as the mapping does, until it is in."""
    products = [seller.create(TABLE | {"stock": stock}).body["id"] for stock in range(20)]
    with monkeypatch.context() as there:
        there.setenv("OPENSEARCH_URL", own_instance.opensearch_url)
        with running(OpenSearch(), own_instance):
            assert index.consume() == []
        consumed = len(index.records())
        for product in products[:10]:
            seller.update(product, TABLE | {"priceCents": 7})
        seller.delete(products[-1])
        missed = index.records()[consumed:]
        assert len(index.consume(missed)) == 11
        with running(OpenSearch(), own_instance):
            wait_until(lambda: index.consume(missed) == [], seconds=60, what="the indexer to catch up")
            assert index.equals_database()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    changes=st.lists(st.tuples(st.sampled_from(["create", "update", "delete"]), st.integers(0, 4)), max_size=20),
    chance=st.randoms(use_true_random=False),
)
def test_any_story_in_any_order_with_failures_ends_as_the_database(
    without_redis: None, index: Index, seller: Person, changes: list[tuple[str, int]], chance: random.Random
) -> None:
    """Random changes; their records shuffled, some delivered twice, in random batches, some while OpenSearch is down."""
    index.clear()
    products: list[str] = []
    for number, (change, which) in enumerate(changes):
        if change == "create" or not products:
            products.append(seller.create(TABLE | {"stock": number}).body["id"])
        elif change == "update":
            seller.update(products[which % len(products)], TABLE | {"stock": 100 + number})
        else:
            seller.delete(products.pop(which % len(products)))
    records = index.records()
    records += chance.choices(records, k=len(records) // 2) if records else []
    chance.shuffle(records)
    while records:
        size = chance.randint(1, len(records))
        some = records[:size]
        if chance.random() < 0.3:
            with pytest.MonkeyPatch.context() as down:
                down.setenv("OPENSEARCH_URL", "http://127.0.0.1:1")
                index.consume(some)
        assert index.consume(some) == []
        records = records[size:]
    assert not changes or index.equals_database()
