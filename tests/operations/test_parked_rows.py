"""Parked rows of outboxes: listed without their content, published again, or deleted."""

from collections.abc import Iterator

import pytest

from kernel.messaging import outbox, unpublished
from kernel.messaging.outbox import Message
from operations import change_parked_rows, list_audit, list_parked_rows, reset_breaker
from tests.kit import copies, operations
from tests.kit.databases import Database
from tests.kit.lambda_events import Context

pytestmark = pytest.mark.usefixtures("operations")


@pytest.fixture
def orders(migrated: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The orders' database with three parked rows."""
    with copies.lent(migrated("orders")) as found:  # type: ignore[operator]
        for role in ("RELAY", "RO", "APP"):
            monkeypatch.setenv(f"DATABASE_URL_ORDERS_{role}", found.url(role.lower()))
        monkeypatch.setenv("DOMAINS", "orders")
        with found.connect() as connection:
            headers = [("ce_type", b"OrderCreated")]
            rows = [Message("order-events", b"k%d" % number, headers, b"secret", "a") for number in range(3)]
            outbox.add_messages(connection, rows)
            waiting = unpublished.read(connection, list(range(16)), [], limit=3)
            unpublished.park(connection, [(row, "MessageSizeTooLargeError(10)") for row in waiting])
        yield found


def waiting(orders: Database) -> list[int]:
    return [id_ for (id_,) in orders.rows("SELECT id FROM outbox WHERE parked_at IS NULL ORDER BY id")]


def test_parked_rows_are_listed_without_their_content(orders: Database) -> None:
    """With what an operator decides by."""
    found = operations.run(list_parked_rows.handler)

    assert found["count"] == 3
    first = found["rows"][0]
    assert (first["domain"], first["topic"], first["type"], first["bytes"]) == (
        "orders",
        "order-events",
        "OrderCreated",
        6,
    )
    assert first["reason"] == "MessageSizeTooLargeError(10)"
    assert "secret" not in str(found)
    assert waiting(orders) == []


def test_a_retry_plans_first_and_then_lets_the_relay_publish(orders: Database) -> None:
    """Only what is chosen, and the audit knows."""
    plan = operations.run(change_parked_rows.handler, action="retry", key="k1")
    assert (plan["count"], plan["causes"]) == (1, {"MessageSizeTooLargeError": 1})
    assert waiting(orders) == []

    done = operations.run(change_parked_rows.handler, action="retry", key="k1", execute=True, expect=1, who="ann")

    assert done["changed"] == 1
    assert waiting(orders) == [2]
    [entry] = operations.run(list_audit.handler)
    assert (entry["who"], entry["command"], entry["counts"]) == ("ann", "outbox retry", {"rows": 1})


def test_discarded_rows_are_gone(orders: Database) -> None:
    operations.run(change_parked_rows.handler, action="discard", max=2, execute=True)

    assert orders.rows("SELECT id FROM outbox") == [(3,)]


def test_a_count_that_changed_and_an_unknown_domain_are_refused(orders: Database) -> None:
    """Nothing is done, and the message says what there is."""
    context = Context(milliseconds=operations.LONGEST)
    changed = change_parked_rows.handler({"action": "discard", "execute": True, "expect": 2}, context)
    unknown = list_parked_rows.handler({"domain": "order"}, context)
    group = list_parked_rows.handler({"group": "0a1b"}, context)

    assert changed["error"]["message"].startswith("The plan counts 3 now, not 2.")
    assert unknown["error"]["fields"][0]["message"] == "there is no domain order; there are orders"
    assert group["error"]["fields"][0]["path"] == "group"
    assert len(orders.rows("SELECT id FROM outbox")) == 3


def test_a_breaker_is_shown_and_reset(orders: Database) -> None:
    """By the consumer's name or its group; the audit has how many failures it had counted."""
    with orders.connect() as connection:
        connection.execute(
            "INSERT INTO breakers (consumer, failures, threshold) VALUES ('orders-payment-events', 5, 5)"
        )

    shown = operations.run(reset_breaker.handler, consumer="orders-payment-events")
    assert shown == {"consumer": "orders.on_payment_events", "failures": 5, "threshold": 5, "open": True}

    operations.run(reset_breaker.handler, consumer="orders.on_payment_events", execute=True)

    assert orders.rows("SELECT failures FROM breakers") == [(0,)]
    [entry] = operations.run(list_audit.handler)
    assert (entry["command"], entry["counts"]) == ("breakers reset", {"failures": 5})
