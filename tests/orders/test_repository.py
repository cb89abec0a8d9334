"""Orders change by appending: one after another, however many do it at once, with or without snapshots."""

from uuid import UUID, uuid4

import pytest

from kernel.errors import NotFoundError, UnavailableError
from kernel.messaging import outbox
from kernel.storage.database import transaction
from orders import model, repository, snapshots, store
from orders.events import OrderCancelled, OrderEvent, OrderPaid, OrderPaymentFailed
from orders.model import Order
from tests.kit.databases import Database
from tests.kit.documents import at_once, events
from tests.orders.customers import Customer, stored

WRITERS = 64

pytestmark = pytest.mark.usefixtures("sign_in")


def refold(order_id: UUID) -> Order:
    """The order of its events alone."""
    with transaction("orders") as connection:
        order = model.fold(order_id, store.history(connection, order_id))
    assert order is not None
    return order


def read(order_id: UUID) -> Order | None:
    with transaction("orders") as connection:
        return repository.get(connection, order_id)


def append(order_id: UUID, event: OrderEvent) -> Order:
    """Insisting, as a client does that is told that the order is busy."""
    while True:
        try:
            with transaction("orders") as connection:
                return repository.change(connection, order_id, lambda _: event)
        except UnavailableError:
            continue


def test_64_writers_at_once_leave_no_gap_and_no_double(
    orders: Database, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions are 1 to n, each writer's event is there once, and list, snapshot and outbox say the same."""
    monkeypatch.setattr(snapshots, "EVERY", 8)
    order = ada.order()
    reasons = [str(number) for number in range(WRITERS)]
    results = at_once([lambda reason=reason: append(order, OrderPaymentFailed(reason=reason)) for reason in reasons])  # type: ignore[misc]

    versions = list(range(1, WRITERS + 2))
    assert [version for version, _ in stored(orders, order)] == versions
    assert sorted(each.version for each in results) == versions[1:]
    found = orders.rows("SELECT data ->> 'reason' FROM order_events WHERE version > 1")
    assert sorted(reason for (reason,) in found) == sorted(reasons)
    assert [each["version"] for each in events(orders)] == versions
    assert orders.rows("SELECT version FROM order_list") == [(WRITERS + 1,)]
    assert orders.rows("SELECT version FROM order_snapshots") == [(WRITERS,)]
    assert read(order) == refold(order)


def test_a_decision_is_made_again_when_somebody_else_was_faster(orders: Database, ada: Customer) -> None:
    """It is asked of the order as it is then, so a rule that no longer holds is not broken."""
    order = ada.order()
    seen = []

    def pay_late(found: Order) -> OrderEvent | None:
        seen.append(found.status)
        if len(seen) == 1:
            at_once([lambda: append(order, OrderCancelled())])
        return OrderPaid() if found.status == "created" else None

    with transaction("orders") as connection:
        changed = repository.change(connection, order, pay_late)
    assert (seen, changed.status) == (["created", "cancelled"], "cancelled")
    assert stored(orders, order) == [(1, "OrderCreated"), (2, "OrderCancelled")]


def test_gives_up_for_now_when_others_are_always_faster(orders: Database, ada: Customer) -> None:
    """A bounded number of attempts, then an error that asks for patience; nothing of it is kept."""
    order = ada.order()
    attempts = []

    def too_slow(_: Order) -> OrderEvent:
        attempts.append(1)
        at_once([lambda: append(order, OrderPaymentFailed())])
        return OrderPaid()

    with pytest.raises(UnavailableError), transaction("orders") as connection:
        repository.change(connection, order, too_slow)
    assert len(attempts) == repository.ATTEMPTS
    assert [kind for _, kind in stored(orders, order)] == ["OrderCreated"] + ["OrderPaymentFailed"] * len(attempts)


def test_what_is_not_there_is_not_changed(orders: Database) -> None:
    """An event for an order that never began is none."""
    with pytest.raises(NotFoundError), transaction("orders") as connection:
        repository.change(connection, uuid4(), lambda _: OrderPaid())


def test_an_event_is_in_list_and_outbox_or_nowhere(
    orders: Database, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails after the append takes it along."""
    order = ada.order()
    monkeypatch.setattr(outbox, "add", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction("orders") as connection:
        repository.change(connection, order, lambda _: OrderPaid())
    assert stored(orders, order) == [(1, "OrderCreated")]
    assert orders.rows("SELECT status FROM order_list") == [("created",)]


DAMAGES = {
    "missing": "DELETE FROM order_snapshots",
    "cut off": "UPDATE order_snapshots SET state = left(state, 20)",
    "another state": "UPDATE order_snapshots SET state = replace(state, '500', '501')",
    "another version": "UPDATE order_snapshots SET version = version - 1",
    "another order's": "UPDATE order_snapshots SET state = replace(state, 'created', 'paid'), digest = ''",
    "of an older schema": "UPDATE order_snapshots SET schema_version = 0, state = '[]', digest = %s",
    "of a later schema": "UPDATE order_snapshots SET schema_version = 99, state = '[]', digest = %s",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_snapshot_that_cannot_be_used_changes_nothing(
    orders: Database, ada: Customer, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """The order is folded from its beginning, is the same, goes on, and its next snapshot is good again."""
    monkeypatch.setattr(snapshots, "EVERY", 4)
    order = ada.order()
    for number in range(5):
        append(order, OrderPaymentFailed(reason=str(number)))
    assert orders.rows("SELECT version FROM order_snapshots") == [(4,)]
    with orders.connect() as connection:
        digests = [snapshots._digest(order, 4, "[]")] * damage.count("%s")
        assert connection.execute(damage.encode(), digests).rowcount == 1

    assert read(order) == refold(order)
    for _ in range(2):
        append(order, OrderPaid())
    assert orders.rows("SELECT version, schema_version FROM order_snapshots") == [(8, snapshots.SCHEMA_VERSION)]
    assert read(order) == refold(order)


def test_a_snapshot_saves_reading_what_is_before_it(
    orders: Database, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the events after it are read."""
    monkeypatch.setattr(snapshots, "EVERY", 4)
    order = ada.order()
    for _ in range(5):
        append(order, OrderPaymentFailed())
    history, counts = store.history, []

    def counted(*arguments: object, **named: object) -> object:
        found = history(*arguments, **named)  # type: ignore[arg-type]  # passed on
        counts.append(len(found))
        return found

    monkeypatch.setattr(store, "history", counted)
    assert read(order) is not None
    assert counts == [2]


def test_an_event_is_kept_under_the_id_that_is_published(orders: Database, ada: Customer) -> None:
    """Of each version, so that a replay from the store is the event that consumers know."""
    order = ada.order()
    append(order, OrderPaid())

    published = orders.rows("SELECT headers::text FROM outbox WHERE topic = 'order-events' ORDER BY id")
    ids = [dict(outbox.decode_headers(headers))["ce_id"].decode() for (headers,) in published]
    assert orders.rows("SELECT event_id::text FROM order_events ORDER BY version") == [(each,) for each in ids]
