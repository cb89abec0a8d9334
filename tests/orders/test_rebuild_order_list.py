"""The list, rebuilt from the events, is the list that was kept up with them."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from kernel.errors import UnavailableError
from kernel.storage.database import Connection, transaction
from orders import model, on_payment_events, order_list, snapshots, store
from orders.events import OrderPaymentFailed
from orders.model import Order
from orders.rebuild_order_list import handler
from tests.kit.databases import Database
from tests.kit.documents import at_once
from tests.kit.lambda_events import Context, batch
from tests.kit.operations import part
from tests.kit.published import published
from tests.orders.customers import ALL, FUNCTIONS, GUEST, Customer, hear, payment
from tests.orders.test_repository import append

type SignIn = Callable[..., dict[str, str]]
type Rows = list[tuple[Any, ...]]

COLUMNS = ("order_id", "customer_id", "status", "amount", "currency", "version", "created_at", "updated_at")


def listed(orders: Database) -> Rows:
    names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    with orders.connect() as connection:
        return connection.execute(sql.SQL("SELECT {} FROM order_list ORDER BY order_id").format(names)).fetchall()


def folded(orders: Database) -> Rows:
    """The list as it must be, of the events alone."""
    ids = orders.rows("SELECT order_id FROM order_events WHERE version = 1 ORDER BY order_id")
    with transaction("orders") as connection:
        found = [model.fold(order_id, store.history(connection, order_id)) for (order_id,) in ids]
    return [tuple(getattr(order, name) for name in COLUMNS) for order in found]


def rebuild() -> int:
    """Rebuild the whole list. Returns how many orders it has."""
    answer = handler({}, Context())
    assert (answer["error"], answer["next"]) == (None, None)
    return int(answer["done"])


def test_makes_good_whatever_was_wrong(orders: Database, ada: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are missing, wrong, too new, or of no order: in the end the list is as before, page by page."""
    monkeypatch.setattr(order_list, "PAGE", 3)
    placed = [ada.order(number) for number in range(1, 9)]
    GUEST.create({"amount": 500})
    hear(payment(placed[0], "paid"), payment(placed[5], "failed"))
    ada.cancel(placed[0])
    before = listed(orders)
    with orders.connect() as connection:
        connection.execute("DELETE FROM order_list WHERE amount IN (2, 3, 8)")
        connection.execute("UPDATE order_list SET status = 'paid', customer_id = NULL WHERE amount = 4")
        connection.execute("UPDATE order_list SET version = 99, amount = 77 WHERE amount = 5")
        connection.execute(
            "INSERT INTO order_list SELECT gen_random_uuid(), customer_id, status, 9, currency, 1, now(), now() "
            "FROM order_list LIMIT 1"
        )
    assert listed(orders) != before

    assert rebuild() == 9
    assert listed(orders) == before == folded(orders)


def test_an_empty_store_has_an_empty_list(orders: Database) -> None:
    """Also if there was something in the list."""
    with orders.connect() as connection:
        connection.execute("INSERT INTO order_list VALUES (gen_random_uuid(), NULL, 'paid', 1, 'EUR', 1, now(), now())")
    assert rebuild() == 0
    assert listed(orders) == []


def test_goes_on_where_a_part_ended_or_was_lost(
    orders: Database, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part says where the next one begins; one that is repeated lists each order once."""
    monkeypatch.setattr(order_list, "PAGE", 2)
    for number in range(1, 8):
        ada.order(number)
    before = listed(orders)
    with orders.connect() as connection:
        connection.execute("DELETE FROM order_list")
    answers = [part(handler)]
    while answers[-1]["next"]:
        answers += [part(handler, answers[-1]["next"]) for _ in range(2)]  # the first of two answers is lost
        assert answers[-1] == answers[-2]

    assert [each["done"] for each in answers] == [2, 4, 4, 6, 6, 7, 7]
    assert {each["total"] for each in answers} == {7}
    assert listed(orders) == before


def test_a_database_that_is_gone_is_told_with_the_place_to_go_on(
    orders: Database, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done is kept."""
    ada.order()

    def gone(*_: object) -> None:
        raise UnavailableError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(order_list, "rebuild", gone)
        answer = handler({}, Context())
    assert answer["error"] == {"message": "gone", "fields": [], "retry": True}
    assert rebuild() == 1


# A step of the story: what happens to which order, and whether it is delivered again under the same id or a new one.
KINDS = ("place", "place as a guest", "cancel", "paid", "failed", "refunded", "rebuild")
STEPS = st.tuples(st.sampled_from(KINDS), st.integers(0, 3), st.sampled_from(("once", "again", "anew")))


@given(steps=st.lists(STEPS, max_size=25))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_list_is_right_after_any_story(
    orders: Database, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, int, str]]
) -> None:
    """Commands, payments in any order, redelivery and rebuilding in between: live, rebuilt and folded are the same."""
    monkeypatch.setattr(order_list, "PAGE", 2)
    monkeypatch.setattr(snapshots, "EVERY", 2)
    with orders.connect() as connection:
        connection.execute("TRUNCATE order_events, order_list, order_snapshots")
    customer_id = uuid4()
    customer = Customer(FUNCTIONS, customer_id, sign_in(customer_id))
    placed = [customer.order()]
    for number, (kind, which, delivery) in enumerate(steps):
        take(kind, customer, placed, placed[which % len(placed)], number, delivery)

    live = listed(orders)
    assert live == folded(orders)
    rebuild()
    assert listed(orders) == live
    with orders.connect() as connection:
        connection.execute("DELETE FROM order_list")
        connection.execute("DELETE FROM order_snapshots")
    rebuild()
    assert listed(orders) == live
    for order in placed:
        versions = orders.rows("SELECT version FROM order_events WHERE order_id = %s ORDER BY version", order)
        assert versions == [(each,) for each in range(1, len(versions) + 1)]


def take(kind: str, customer: Customer, placed: list[UUID], order: UUID, number: int, delivery: str) -> None:  # noqa: PLR0913, PLR0917
    if kind.startswith("place"):
        body = {"amount": number + 1, "currency": "EUR"}
        who = customer if kind == "place" else GUEST
        key = str(uuid4())
        answers = [who.create(body, idempotency_key=key) for _ in range(1 if delivery == "once" else 2)]
        placed.append(UUID(answers[0].body["orderId"]))
    elif kind == "cancel":
        assert customer.cancel(order).status in (200, 404, 409)
    elif kind == "rebuild":
        rebuild()
    else:
        first, again = (published(payment(order, kind), number * 2 + each) for each in range(2))
        for each in {"once": [first], "again": [first, first], "anew": [first, again]}[delivery]:
            assert on_payment_events.handler(batch(each), Context()) == ALL


def test_what_is_appended_meanwhile_is_not_lost(
    orders: Database, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the list is made anew over and over, others place and change orders: in the end it knows all of it."""
    monkeypatch.setattr(order_list, "PAGE", 7)
    placed = [ada.order() for _ in range(20)]
    stop = threading.Event()

    def rebuild_until_told() -> int:
        runs = 0
        while not stop.is_set() or runs < 3:
            rebuild()
            runs += 1
        return runs

    def write(writer: int) -> None:
        for number in range(30):
            append(placed[(number * 7 + writer) % len(placed)], OrderPaymentFailed(reason=str(number)))
            if number % 5 == 0:
                ada.order(number + 1)

    with ThreadPoolExecutor(5) as pool:
        rebuilding = pool.submit(rebuild_until_told)
        writing = [pool.submit(write, writer) for writer in range(4)]
        try:
            for each in writing:
                each.result(timeout=60)
        finally:
            stop.set()
        assert rebuilding.result(timeout=60) >= 3
    assert listed(orders) == folded(orders)
    assert len(listed(orders)) == 20 + 4 * 6


def test_an_append_that_commits_late_is_not_lost(orders: Database, ada: Customer) -> None:
    """One that was under way when its page was made anew, with an older or a younger order's id, wins over the page."""
    order = ada.order()
    begun, finish = threading.Event(), threading.Event()

    def pay_slowly() -> None:
        with transaction("orders") as connection:
            found = model.fold(order, store.history(connection, order))
            assert found is not None
            paid = store.append(connection, order, 2, OrderPaymentFailed())
            assert paid is not None
            begun.set()
            assert finish.wait(10)
            order_list.put(connection, [model.evolve(order, found, paid)])

    with ThreadPoolExecutor(1) as pool:
        paying = pool.submit(pay_slowly)
        assert begun.wait(10)
        assert rebuild() == 1
        finish.set()
        paying.result(timeout=10)
    assert listed(orders) == folded(orders)
    assert listed(orders)[0][5] == 2


def test_an_append_in_the_middle_of_a_rebuild_is_not_lost(
    orders: Database, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was listed between the reading of the events and the writing of the page is later, and stays."""
    order = ada.order()
    with orders.connect() as connection:
        connection.execute("DELETE FROM order_list")
    put = order_list.put

    def put_later(connection: Connection, several: list[Order]) -> None:
        monkeypatch.setattr(order_list, "put", put)
        at_once([lambda: append(order, OrderPaymentFailed())])
        put(connection, several)

    monkeypatch.setattr(order_list, "put", put_later)
    assert rebuild() == 1
    assert listed(orders) == folded(orders)
    assert listed(orders)[0][5] == 2
