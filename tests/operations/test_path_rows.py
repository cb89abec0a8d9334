"""Rows are found by the transaction that wrote them: what is certain, and what is not. docs/decisions/0077."""

from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest

from kernel.storage.database import Connection
from operations import path_rows
from operations.path_rows import Report
from tests.kit import copies
from tests.kit.databases import Database


@pytest.fixture
def payments(migrated: Callable[[str], Database]) -> Iterator[Database]:
    with copies.lent(migrated("payments")) as found:
        yield found


def add(connection: Connection, order: UUID) -> str:
    """Add an answer of the catalog. Returns the number of the transaction or savepoint that did."""
    connection.execute("INSERT INTO stock_answers (order_id, stock) VALUES (%s, 'reserved')", (order,))
    [(number,)] = connection.execute("SELECT xmin::text FROM stock_answers WHERE order_id = %s", (order,)).fetchall()
    return str(number)


def look(payments: Database, transaction: str, key: str | None = None, *, with_rows: bool = False) -> Report:
    with payments.connect("ro") as connection:
        return path_rows.find(connection, transaction, key, with_rows=with_rows)


def written(report: Report) -> dict[str, list[str]]:
    return {each.table: [str(key["order_id"]) for key in each.keys] for each in report.written}


def test_a_savepoint_has_a_number_of_its_own(payments: Database) -> None:
    """So the rows of an event that is applied alone are exact, though others were applied in the same transaction."""
    first, second = uuid4(), uuid4()
    with payments.connect() as connection, connection.transaction():
        with connection.transaction():
            one = add(connection, first)
        with connection.transaction():
            other = add(connection, second)

    assert one != other
    assert written(look(payments, one)) == {"stock_answers": [str(first)]}


def test_a_batch_has_one_number(payments: Database) -> None:
    """Its rows are those of all its events."""
    orders = [uuid4(), uuid4()]
    with payments.connect() as connection, connection.transaction():
        numbers = {add(connection, each) for each in orders}

    [number] = numbers
    assert sorted(written(look(payments, number))["stock_answers"]) == sorted(map(str, orders))


def test_a_later_change_hides_who_wrote_a_row(payments: Database) -> None:
    """An update writes a new version of the row; a deletion leaves nothing. Freezing keeps the number."""
    order, other = uuid4(), uuid4()
    with payments.connect() as connection:
        with connection.transaction():
            number = add(connection, order)
            add(connection, other)
        connection.execute("VACUUM FREEZE stock_answers")
        assert sorted(written(look(payments, number))["stock_answers"]) == sorted([str(order), str(other)])
        connection.execute("UPDATE stock_answers SET stock = 'refused' WHERE order_id = %s", (order,))
        connection.execute("DELETE FROM stock_answers WHERE order_id = %s", (other,))

    assert written(look(payments, number)) == {}


def test_rows_of_other_transactions_are_shown_under_the_records_key(payments: Database) -> None:
    """As what they are: found by the key, and not by the transaction."""
    order = uuid4()
    with payments.connect() as connection:
        add(connection, order)
        [(number,)] = connection.execute("SELECT pg_current_xact_id()::text").fetchall()

    report = look(payments, str(number), str(order))

    assert report.written == []
    assert [(each.table, each.keys) for each in report.under_key] == [("stock_answers", [{"order_id": str(order)}])]
    assert look(payments, str(number), "not a uuid").under_key == []


def test_contents_are_shown_only_when_they_are_asked_for(payments: Database) -> None:
    """And then no column that this role may not read: the client secret is not."""
    order = uuid4()
    with payments.connect() as connection:
        connection.execute(
            """
            INSERT INTO payments (order_id, amount, money, cancelled, client_secret) VALUES (%s, 5, 'open', false, 'secret')
            """,
            (order,),
        )
        [(number,)] = connection.execute("SELECT xmin::text FROM payments").fetchall()

    [found] = look(payments, number).written
    assert (found.table, found.rows) == ("payments", None)
    [row] = look(payments, number, with_rows=True).written[0].rows or []
    assert row["amount"] == 5
    assert "client_secret" not in row


def test_a_table_that_may_not_be_read_or_is_too_large_is_named(
    payments: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instead of being taken for one without rows."""
    with payments.connect() as connection:
        connection.execute("REVOKE ALL ON stock_answers FROM payments_ro")
        add(connection, uuid4())
    monkeypatch.setattr(path_rows, "LARGEST_BYTES", 0)

    unread = look(payments, "1000").unread

    assert unread["stock_answers"] == "this role may not read it"
    assert "no index has xmin" in unread["payments"]
