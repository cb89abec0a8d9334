"""The catalog's products in Postgres: the last version of each, from the catalog's events."""

from uuid import UUID

from psycopg.rows import class_row

from kernel.contracts.catalog import ProductEvent, ProductState
from kernel.storage.database import Connection
from orders.pricing import Product


def keep(connection: Connection, events: list[ProductEvent]) -> None:
    """Store the products of *events*, unless a later version is stored. Sorted, so that two batches cannot deadlock."""
    latest = {event.product_id: event for event in sorted(events, key=lambda event: event.version)}
    several = [latest[product_id] for product_id in sorted(latest)]
    states = [event if isinstance(event, ProductState) else None for event in several]
    connection.execute(
        """
        INSERT INTO products AS known (product_id, version, name, price_cents, currency, stock)
        SELECT * FROM unnest(%b::uuid[], %b::int[], %b::text[], %b::bigint[], %b::text[], %b::bigint[])
        ON CONFLICT (product_id) DO UPDATE SET
            version = excluded.version, name = excluded.name, price_cents = excluded.price_cents,
            currency = excluded.currency, stock = excluded.stock
        WHERE known.version < excluded.version
        """,
        (
            [event.product_id for event in several],
            [event.version for event in several],
            [state and state.name for state in states],
            [state and state.price_cents for state in states],
            [state and state.currency for state in states],
            [state and state.stock for state in states],
        ),
    )


def on_sale(connection: Connection, product_ids: list[UUID]) -> dict[UUID, Product]:
    """Return those of the products that can be bought, by id."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            """
            SELECT product_id, name, price_cents, currency, stock FROM products
            WHERE product_id = ANY(%s) AND price_cents IS NOT NULL
            """,
            (product_ids,),
        )
        return {product.product_id: product for product in cursor}
