"""Products in Postgres."""

from collections.abc import Collection, Mapping
from uuid import UUID

from msgspec.structs import asdict
from psycopg.rows import class_row
from psycopg.sql import SQL

from catalog.model import Product
from catalog.schemas import ListProducts, ProductDetails
from kernel.storage.database import Connection
from kernel.storage.keyset import GREATEST_ID

COLUMNS = SQL("id, name, description, category, price_cents, currency, stock, version, created_at, updated_at")


def add(connection: Connection, product_id: UUID, details: ProductDetails) -> Product:
    """Insert a product and return it."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            SQL(
                """
                INSERT INTO products (id, name, description, category, price_cents, currency, stock)
                VALUES (%(id)s, %(name)s, %(description)s, %(category)s, %(price_cents)s, %(currency)s, %(stock)s)
                RETURNING {}
                """
            ).format(COLUMNS),
            {"id": product_id, **asdict(details)},
        )
        [product] = cursor
        return product


def get(connection: Connection, product_id: UUID) -> Product | None:
    """Return the product, or None if it does not exist."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            SQL("SELECT {} FROM products WHERE id = %s").format(COLUMNS),
            (product_id,),
        )
        return cursor.fetchone()


def lock(connection: Connection, product_id: UUID) -> Product | None:
    """Lock the product until the transaction ends and return it, or None if it does not exist."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            SQL("SELECT {} FROM products WHERE id = %s FOR UPDATE").format(COLUMNS),
            (product_id,),
        )
        return cursor.fetchone()


def lock_stocks(connection: Connection, product_ids: Collection[UUID]) -> dict[UUID, int]:
    """Lock the products until the transaction ends, and return their stocks. Unknown ids are left out."""
    found = connection.execute(
        "SELECT id, stock FROM products WHERE id = ANY(%s) ORDER BY id FOR UPDATE", (list(product_ids),)
    )
    return dict(found.fetchall())


def save_stocks(connection: Connection, stocks: Mapping[UUID, int]) -> list[Product]:
    """Store the stocks of locked products, each as its product's next version. Returns the products."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            SQL(
                """
                UPDATE products SET stock = pieces, version = version + 1, updated_at = now()
                FROM unnest(%s::uuid[], %s::bigint[]) AS changed (product_id, pieces) WHERE id = product_id
                RETURNING {}
                """
            ).format(COLUMNS),
            (list(stocks), list(stocks.values())),
        )
        return cursor.fetchall()


def save(connection: Connection, product: Product) -> Product:
    """Store the details of *product* as its next version, and return that."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            SQL(
                """
                UPDATE products
                SET name = %(name)s, description = %(description)s, category = %(category)s,
                    price_cents = %(price_cents)s, currency = %(currency)s, stock = %(stock)s,
                    version = version + 1, updated_at = now()
                WHERE id = %(id)s
                RETURNING {}
                """
            ).format(COLUMNS),
            asdict(product),
        )
        [saved] = cursor
        return saved


def delete(connection: Connection, product: Product) -> None:
    """Delete the product."""
    connection.execute("DELETE FROM products WHERE id = %s", (product.id,))


def newest(connection: Connection, page: ListProducts) -> list[Product]:
    """Return a page of products, newest first, of one category if the page names it."""
    [after] = page.start(tuple[UUID]) or (GREATEST_ID,)
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            SQL(
                """
                SELECT {}
                FROM products
                WHERE (%(category)s::text IS NULL OR category = %(category)s) AND id < %(after)s
                ORDER BY id DESC LIMIT %(limit)s
                """
            ).format(COLUMNS),
            {"category": page.category, "after": after, "limit": page.limit},
        )
        return cursor.fetchall()


def after(connection: Connection, product_id: UUID | None, count: int) -> list[Product]:
    """Return the next *count* products, sorted by id. *product_id*: None begins with the first one."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            SQL(
                """
                SELECT {}
                FROM products WHERE %(after)s::uuid IS NULL OR id > %(after)s ORDER BY id LIMIT %(count)s
                """
            ).format(COLUMNS),
            {"after": product_id, "count": count},
        )
        return cursor.fetchall()


def present(connection: Connection, ids: list[UUID]) -> set[UUID]:
    """Return those of *ids* whose product exists."""
    found = connection.execute("SELECT id FROM products WHERE id = ANY(%s)", (ids,))
    return {product_id for (product_id,) in found}


def count(connection: Connection) -> int:
    """Return how many products there are."""
    [(number,)] = connection.execute("SELECT count(*) FROM products").fetchall()
    return int(number)
