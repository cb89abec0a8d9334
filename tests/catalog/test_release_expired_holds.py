"""What is not paid in time is on sale again."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from catalog import release_expired_holds
from catalog.on_order_events import handler as on_order_events
from catalog.release_expired_holds import handler
from kernel.settings import SettingError
from tests.catalog.holding import PAID, holds, product_events, stocks, then, told, wants
from tests.catalog.indexing import TABLE
from tests.kit import domains
from tests.kit.databases import Database
from tests.kit.documents import Person
from tests.kit.lambda_events import Context
from tests.kit.published import delivered

consumer = domains.consumer_fixture("catalog")


@pytest.fixture
def table(seller: Person) -> UUID:
    """A product with many pieces."""
    return UUID(seller.create({**TABLE, "stock": 5000}).body["id"])


def let_pass(catalog: Database, *, minutes: int) -> None:
    with catalog.connect() as connection:
        connection.execute(
            "UPDATE holds SET created_at = created_at - interval '1 minute' * %s WHERE state = 'held'", [minutes]
        )


def released() -> int:
    """Let the function run. Returns how many holds it released."""
    done: int = handler({}, Context())["done"]
    return done


def test_releases_what_was_held_too_long(catalog: Database, seller: Person, table: UUID) -> None:
    """After the minutes of the parameter, not before; what was sold stays sold, and later money changes nothing."""
    late, paid = wants({table: 2}), wants({table: 3})
    on_order_events(delivered(late, paid, then(paid, PAID)), Context())
    assert seller.get(table).body["stock"] == 4995
    let_pass(catalog, minutes=14)
    assert released() == 0
    let_pass(catalog, minutes=2)
    assert released() == 1
    assert released() == 0
    on_order_events(delivered(then(late, PAID), start=5), Context())
    assert holds(catalog) == {late.order_id: ("released", "expired"), paid.order_id: ("sold", None)}
    assert told(catalog, late) == [("StockReserved", None), ("StockReleased", "expired")]
    assert seller.get(table).body["stock"] == 4997
    assert product_events(catalog, table)[-1]["stock"] == 4997


def test_the_time_is_a_parameter(catalog: Database, table: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """One minute, for instance; what is no number of minutes is an error that says so."""
    on_order_events(delivered(wants({table: 2})), Context())
    let_pass(catalog, minutes=2)
    for wrong in ("0", "-1", "1.5", "1441", "soon"):
        monkeypatch.setenv("HOLD_MINUTES", wrong)
        with pytest.raises(SettingError, match="HOLD_MINUTES"):
            handler({}, Context())
    monkeypatch.setenv("HOLD_MINUTES", "1")
    assert released() == 1


def test_many_runs_release_thousands_once(catalog: Database, table: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four at once: each hold is released by one of them, and every piece is back."""
    monkeypatch.setattr(release_expired_holds, "AT_ONCE", 100)
    orders = [wants({table: 1}) for _ in range(2000)]
    on_order_events(delivered(*orders), Context())
    assert stocks(catalog) == {table: 3000}
    let_pass(catalog, minutes=16)
    with ThreadPoolExecutor(4) as runs:
        counts = list(runs.map(lambda _: released(), range(4)))
    assert sum(counts) + released() == 2000
    assert stocks(catalog) == {table: 5000}
    [(count,)] = catalog.rows(
        "SELECT count(*) FROM outbox WHERE topic = 'stock-events' AND value LIKE '%%StockReleased%%'"
    )
    assert count == 2000


def test_stops_in_time_and_when_the_database_is_gone(
    catalog: Database, table: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run goes on."""
    on_order_events(delivered(wants({table: 2})), Context())
    let_pass(catalog, minutes=16)
    assert handler({}, Context(milliseconds=15_000))["error"]["retry"]
    catalog.end_sessions()
    with monkeypatch.context() as patch:
        patch.setenv("DATABASE_URL_CATALOG", "postgresql://nobody@127.0.0.1:1/nothing")
        answer = handler({}, Context())
    assert (answer["done"], answer["error"]["retry"]) == (0, True)
    assert released() == 1
