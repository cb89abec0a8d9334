"""The items of an order are held once, all or none, until it is paid or over."""

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from catalog.on_order_events import handler
from kernel import ids
from kernel.contracts.orders import OrderEvent
from tests.catalog.holding import CANCELLED, FAILED, PAID, holds, product_events, stocks, then, told, wants
from tests.catalog.indexing import TABLE
from tests.kit import domains
from tests.kit.databases import Database
from tests.kit.documents import Person, events
from tests.kit.lambda_events import Context, batch, record
from tests.kit.published import delivered, published

ALL: dict[str, list[object]] = {"batchItemFailures": []}


consumer = domains.consumer_fixture("catalog")


def hear(*several: OrderEvent) -> None:
    assert handler(delivered(*several), Context()) == ALL


@pytest.fixture
def table(seller: Person) -> UUID:
    """A product with ten pieces."""
    return UUID(seller.create({**TABLE, "stock": 10}).body["id"])


@pytest.fixture
def chair(seller: Person) -> UUID:
    """A product with ten pieces."""
    return UUID(seller.create({**TABLE, "stock": 10}).body["id"])


def test_holds_the_items_of_an_order(catalog: Database, seller: Person, table: UUID, chair: UUID) -> None:
    """Stock is what is not held, in the answer of GET at once, and in a new version of each product."""
    assert seller.get(table).body["stock"] == 10
    order = wants({table: 2, chair: 3})
    hear(order)
    assert holds(catalog) == {order.order_id: ("held", None)}
    assert told(catalog, order) == [("StockReserved", None)]
    assert [(seller.get(each).body["stock"], seller.get(each).body["version"]) for each in (table, chair)] == [
        (8, 2),
        (7, 2),
    ]
    assert [(each["type"], each["version"], each["stock"]) for each in product_events(catalog, table)] == [
        ("product-created", 1, 10),
        ("product-updated", 2, 8),
    ]


def test_holds_all_items_or_none(catalog: Database, table: UUID, chair: UUID) -> None:
    """An order of which one item is short, or no product any more, is refused, and says why."""
    short, gone = wants({table: 1, chair: 11}), wants({table: 1, uuid4(): 1})
    hear(short, gone)
    assert set(stocks(catalog).values()) == {10}
    for order in (short, gone):
        assert told(catalog, order) == [("StockRefused", "out_of_stock")]
        assert holds(catalog)[order.order_id] == ("released", "out_of_stock")


def test_holds_once_however_often_it_is_told(catalog: Database, table: UUID) -> None:
    """Twice in a batch, delivered again, and under another event id."""
    order = wants({table: 4})
    delivery = delivered(order, order)
    for _ in range(2):
        assert handler(delivery, Context()) == ALL
    assert handler(delivered(order, start=7), Context()) == ALL
    assert stocks(catalog) == {table: 6}
    assert told(catalog, order) == [("StockReserved", None)]


def test_what_is_paid_is_sold(catalog: Database, table: UUID) -> None:
    """Its pieces never come back, whatever is heard of the order afterwards."""
    order = wants({table: 4})
    hear(order, then(order, PAID))
    hear(then(order, CANCELLED), then(order, FAILED), order)
    assert (stocks(catalog), holds(catalog)) == ({table: 6}, {order.order_id: ("sold", None)})
    assert told(catalog, order) == [("StockReserved", None)]


@pytest.mark.parametrize(("happened", "reason"), [(CANCELLED, "cancelled"), (FAILED, "payment_failed")])
def test_what_is_over_is_released(catalog: Database, table: UUID, happened: type[OrderEvent], reason: str) -> None:
    """Its pieces are on sale again, once, and a payment that comes late takes none."""
    order = wants({table: 4})
    hear(order)
    for _ in range(2):
        hear(then(order, happened), then(order, PAID))
    assert (stocks(catalog), holds(catalog)) == ({table: 10}, {order.order_id: ("released", reason)})
    assert told(catalog, order) == [("StockReserved", None), ("StockReleased", reason)]


def test_a_cancellation_that_comes_first_lets_nothing_be_held(catalog: Database, table: UUID) -> None:
    """In an earlier batch, or earlier in the same one."""
    first, second = wants({table: 4}), wants({table: 4})
    hear(then(first, CANCELLED))
    hear(first, then(second, CANCELLED), second)
    assert stocks(catalog) == {table: 10}
    assert set(holds(catalog).values()) == {("released", "cancelled")}
    assert told(catalog, first) == told(catalog, second) == []


def test_a_batch_is_one_change_of_a_product(catalog: Database, table: UUID) -> None:
    """However many orders it has, there is one version of what is left; what nets to nothing is no change."""
    hear(*(wants({table: 1}) for _ in range(7)))
    assert [each["stock"] for each in product_events(catalog, table)] == [10, 3]
    order = wants({table: 2})
    hear(order, then(order, CANCELLED))
    assert len(product_events(catalog, table)) == 2


def test_a_deleted_product_does_not_come_back(catalog: Database, seller: Person, table: UUID, chair: UUID) -> None:
    """The other items of the order do."""
    order = wants({table: 1, chair: 1})
    hear(order)
    assert seller.delete(table).status == 204
    hear(then(order, CANCELLED))
    assert stocks(catalog) == {chair: 10}
    assert [each["type"] for each in product_events(catalog, table)][-1] == "product-deleted"


@pytest.mark.parametrize("quantity", [0, -5])
def test_a_quantity_that_is_none_holds_nothing(catalog: Database, table: UUID, quantity: int) -> None:
    """What another service writes cannot raise a stock, alone or beside a good item."""
    order = wants({table: quantity})
    hear(order)
    assert stocks(catalog) == {table: 10}
    assert told(catalog, order) == [("StockRefused", "invalid_items")]


def test_orders_that_do_not_ask_for_it_reserve_nothing(catalog: Database, table: UUID) -> None:
    """Those for an amount, those before there were reservations, and another service's, from the topic's beginning."""
    foreign = json.dumps({"type": "OrderCreated", "orderId": str(ids.new()), "amount": 500}).encode()
    old = wants({table: 3}, reserves_stock=False)
    records = [record(foreign), published(old, 1), published(then(old, PAID), 2)]
    assert handler(batch(*records), Context()) == ALL
    assert (stocks(catalog), holds(catalog)) == ({table: 10}, {})
    assert [each["topic"] for each in events(catalog)] == ["product-events"]


def test_a_change_of_the_stock_says_what_can_be_ordered(catalog: Database, seller: Person, table: UUID) -> None:
    """PUT sets what is not held: what is held before it comes on top when it is released."""
    order = wants({table: 4})
    hear(order)
    assert seller.update(table, {**TABLE, "stock": 50}).status == 200
    hear(then(order, CANCELLED))
    assert stocks(catalog) == {table: 54}


def test_batches_at_once_never_sell_a_piece_twice(catalog: Database, seller: Person, table: UUID, chair: UUID) -> None:
    """Eight consumers and a seller, in orders that cross: none waits for ever, and the last pieces are held once."""
    wanted = [wants({table: 1, chair: 1} if number % 2 else {chair: 1, table: 1}) for number in range(48)]
    parts = [delivered(*wanted[number::8], start=number * 100) for number in range(8)]

    def price(_: int) -> int:
        current = seller.get(table)
        body = {**TABLE, "priceCents": 100, "stock": current.body["stock"]}
        return seller.update(table, body, if_match=current.headers["ETag"]).status

    with ThreadPoolExecutor(10) as pool:
        prices = pool.map(price, range(10))
        answers = list(pool.map(lambda part: handler(part, Context()), parts))
        assert set(prices) <= {200, 412}
    assert answers == [ALL] * 8
    assert set(stocks(catalog).values()) == {0}
    states = [state for state, _ in holds(catalog).values()]
    assert (states.count("held"), states.count("released")) == (10, 38)
