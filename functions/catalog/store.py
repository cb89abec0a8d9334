"""Products in Postgres."""

from collections.abc import Collection, Mapping
from uuid import UUID

from msgspec.structs import asdict
from psycopg.rows import class_row

from catalog.model import Product
from catalog.schemas import ListProducts, ProductDetails
from kernel.storage.database import Connection

LAST_ID = UUID(int=(1 << 128) - 1)


def add(connection: Connection, product_id: UUID, details: ProductDetails) -> Product:
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            """
            INSERT INTO products (id, name, description, category, price_cents, currency, stock)
            VALUES (%(id)s, %(name)s, %(description)s, %(category)s, %(price_cents)s, %(currency)s, %(stock)s)
            RETURNING id, name, description, category, price_cents, currency, stock, version, created_at, updated_at
            """,
            {"id": product_id, **asdict(details)},
        )
        [product] = cursor
        return product


def get(connection: Connection, product_id: UUID) -> Product | None:
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            """
            SELECT id, name, description, category, price_cents, currency, stock, version, created_at, updated_at
            FROM products WHERE id = %s
            """,
            (product_id,),
        )
        return cursor.fetchone()


def lock(connection: Connection, product_id: UUID) -> Product | None:
    """The product, kept from others' changes until the transaction ends."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            """
            SELECT id, name, description, category, price_cents, currency, stock, version, created_at, updated_at
            FROM products WHERE id = %s FOR UPDATE
            """,
            (product_id,),
        )
        return cursor.fetchone()


def lock_stocks(connection: Connection, product_ids: Collection[UUID]) -> dict[UUID, int]:
    """Lock the products until the transaction ends, and return their stocks. What is no product is left out."""
    found = connection.execute(
        "SELECT id, stock FROM products WHERE id = ANY(%s) ORDER BY id FOR UPDATE", (list(product_ids),)
    )
    return dict(found.fetchall())


def save_stocks(connection: Connection, stocks: Mapping[UUID, int]) -> list[Product]:
    """Keep the stocks of locked products, each as its product's next version; return the products."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            """
            UPDATE products SET stock = pieces, version = version + 1, updated_at = now()
            FROM unnest(%s::uuid[], %s::bigint[]) AS changed (product_id, pieces) WHERE id = product_id
            RETURNING id, name, description, category, price_cents, currency, stock, version, created_at, updated_at
            """,
            (list(stocks), list(stocks.values())),
        )
        return cursor.fetchall()


def save(connection: Connection, product: Product) -> Product:
    """Keep what is said of *product* as its next version, which is returned."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            """
            UPDATE products
            SET name = %(name)s, description = %(description)s, category = %(category)s,
                price_cents = %(price_cents)s, currency = %(currency)s, stock = %(stock)s,
                version = version + 1, updated_at = now()
            WHERE id = %(id)s
            RETURNING id, name, description, category, price_cents, currency, stock, version, created_at, updated_at
            """,
            asdict(product),
        )
        [saved] = cursor
        return saved


def delete(connection: Connection, product: Product) -> None:
    connection.execute("DELETE FROM products WHERE id = %s", (product.id,))


def newest(connection: Connection, page: ListProducts) -> list[Product]:
    """The products, of one category if the page names it, the newest first."""
    [after] = page.start(tuple[UUID]) or (LAST_ID,)
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            """
            SELECT id, name, description, category, price_cents, currency, stock, version, created_at, updated_at
            FROM products
            WHERE (%(category)s::text IS NULL OR category = %(category)s) AND id < %(after)s
            ORDER BY id DESC LIMIT %(limit)s
            """,
            {"category": page.category, "after": after, "limit": page.limit},
        )
        return cursor.fetchall()


def after(connection: Connection, product_id: UUID | None, count: int) -> list[Product]:
    """The next *count* products by id; from the first on if *product_id* is None."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        cursor.execute(
            """
            SELECT id, name, description, category, price_cents, currency, stock, version, created_at, updated_at
            FROM products WHERE %(after)s::uuid IS NULL OR id > %(after)s ORDER BY id LIMIT %(count)s
            """,
            {"after": product_id, "count": count},
        )
        return cursor.fetchall()


def present(connection: Connection, ids: list[UUID]) -> set[UUID]:
    """Those of *ids* that there is a product of."""
    found = connection.execute("SELECT id FROM products WHERE id = ANY(%s)", (ids,))
    return {product_id for (product_id,) in found}


def count(connection: Connection) -> int:
    [(number,)] = connection.execute("SELECT count(*) FROM products").fetchall()
    return int(number)
