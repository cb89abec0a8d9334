"""The rules of holds, without a database: whatever order events arrive, in whatever order and however often."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from catalog.holds import EXPIRED, Holds
from kernel.contracts.orders import OrderCreated
from tests.catalog.holding import CANCELLED, FAILED, PAID, then, wants

PRODUCTS = [UUID(int=number) for number in (1, 2)]
STOCK = 5
ITEMS = st.dictionaries(st.sampled_from(PRODUCTS), st.integers(1, STOCK + 1), min_size=1)
ORDERS = st.lists(ITEMS, min_size=1, max_size=6).map(
    lambda several: [wants(items, order_id=UUID(int=100 + number)) for number, items in enumerate(several)]
)
HAPPENS = st.sampled_from([None, PAID, FAILED, CANCELLED, "expires"])


def pieces(holds: Holds, product: UUID) -> int:
    """Those on sale, held and sold."""
    kept = [hold.items for hold in holds.holds.values() if hold.state != "released"]
    return holds.stocks[product] + sum(items.get(product, 0) for items in kept)


@given(st.data())
def test_no_piece_is_lost_or_sold_twice(data: st.DataObject) -> None:
    """After each event: pieces are conserved, none is negative, and a hold that has ended stays as it is."""
    orders = data.draw(ORDERS)
    holds = Holds({}, dict.fromkeys(PRODUCTS, STOCK))
    for order, happens in data.draw(st.lists(st.tuples(st.sampled_from(orders), HAPPENS), max_size=30)):
        before = dict(holds.holds)
        hear(holds, order, happens)
        for product in PRODUCTS:
            assert pieces(holds, product) == STOCK
            assert holds.stocks[product] >= 0
        assert {each: hold for each, hold in before.items() if hold.state != "held"}.items() <= holds.holds.items()
    for order in orders:
        told = [type(each).__name__ for each in holds.events if each.order_id == order.order_id]
        assert told in ([], ["StockRefused"], ["StockReserved"], ["StockReserved", "StockReleased"])


def hear(holds: Holds, order: OrderCreated, happens: object) -> None:
    if happens == "expires":
        if order.order_id in holds.holds:
            holds.release(order.order_id, EXPIRED)
    else:
        holds.apply(then(order, happens) if isinstance(happens, type) else order)
