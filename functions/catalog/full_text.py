"""Full-text search in Postgres while OpenSearch is down: all words as they are written, best first."""

from typing import Any

import msgspec
from psycopg.rows import dict_row

from catalog import model
from catalog.database import transaction
from catalog.schemas import CategoryCount, Facets, FoundProduct, FoundProducts, Highlights, Position, PriceCount
from catalog.schemas import SearchProducts as Page
from kernel.storage import found_words
from kernel.storage.database import Connection
from kernel.storage.found_words import HIT_END, HIT_START, SHOWN_FROM, SHOWN_TO

HEADLINE = f"StartSel={HIT_START}, StopSel={HIT_END}, MaxFragments=1, MinWords=5, MaxWords=20"
WHOLE = f"StartSel={HIT_START}, StopSel={HIT_END}, HighlightAll=true"


def search(page: Page, start: Position | None) -> tuple[FoundProducts, Position | None]:
    """Return the products after *start*, and the position of the last one if there may be more, else None."""
    if start:
        model.check_engine(start.sort, start.engine, "database")
    with transaction() as connection:
        row = _row(connection, page, start)
    items, has_next = page.cut([_item(each) for each in row["items"]])
    counts = {each["step"]: each["count"] for each in row["prices"]}
    facets = Facets(
        msgspec.convert(row["categories"], list[CategoryCount]),
        [PriceCount(*ends, counts.get(step, 0)) for step, ends in enumerate(model.price_ranges())],
    )
    last = None
    if has_next:
        last = Position("database", page.order(), _value(page, row["items"][len(items) - 1]), items[-1].id)
    return FoundProducts(items, row["total"], facets, degraded=True), last


def _row(connection: Connection, page: Page, start: Position | None) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            """
            WITH asked AS (
                SELECT plainto_tsquery('simple', %(q)s) AS query
            ), matching AS (
                SELECT products.*, query, coalesce(ts_rank(words, query), 0)::float8 AS rank FROM products, asked
                WHERE (%(q)s::text IS NULL OR words @@ query) AND (stock > 0 OR NOT %(in_stock)s)
            ), found AS (
                SELECT *,
                    CASE %(order)s WHEN 'relevance' THEN rank WHEN 'price' THEN -price_cents WHEN '-price'
                        THEN price_cents ELSE 0 END::float8 AS place
                FROM matching
                WHERE category = coalesce(%(category)s, category)
                    AND price_cents BETWEEN coalesce(%(least)s, price_cents) AND coalesce(%(most)s, price_cents)
            ), page AS (
                SELECT * FROM found WHERE %(id)s::uuid IS NULL OR (place, id) < (%(place)s::float8, %(id)s::uuid)
                ORDER BY place DESC, id DESC LIMIT %(limit)s
            ), item AS (
                SELECT id, name, description, category, price_cents AS "priceCents", currency, stock, version,
                    created_at AS "createdAt", updated_at AS "updatedAt", rank,
                    ts_headline('simple', translate(name, %(signs)s, %(stand_ins)s), query, %(whole)s) AS marked_name,
                    ts_headline('simple', translate(description, %(signs)s, %(stand_ins)s), query, %(part)s) AS marked_description
                FROM page ORDER BY place DESC, id DESC
            ), category_count AS (
                SELECT category, count(*) FROM matching
                WHERE price_cents BETWEEN coalesce(%(least)s, price_cents) AND coalesce(%(most)s, price_cents)
                GROUP BY category ORDER BY count(*) DESC, category LIMIT 20
            ), price_count AS (
                SELECT width_bucket(price_cents, %(steps)s::bigint[]) AS step, count(*) FROM matching
                WHERE category = coalesce(%(category)s, category) GROUP BY step
            )
            SELECT (SELECT count(*) FROM found) AS total,
                (SELECT coalesce(json_agg(item), '[]') FROM item) AS items,
                (SELECT coalesce(json_agg(category_count), '[]') FROM category_count) AS categories,
                (SELECT coalesce(json_agg(price_count), '[]') FROM price_count) AS prices
            """,
            {
                "q": page.q and found_words.query(page.q),
                "in_stock": page.in_stock,
                "order": page.order(),
                "category": page.category,
                "least": page.min_price_cents,
                "most": page.max_price_cents,
                "id": start.id if start else None,
                "place": _place(start),
                "limit": page.limit,
                "steps": list(model.PRICE_STEPS[1:]),
                "signs": SHOWN_FROM,
                "stand_ins": SHOWN_TO,
                "whole": WHOLE,
                "part": HEADLINE,
            },
        )
        [row] = cursor
        return row


def _place(start: Position | None) -> float:
    value = start.value or 0 if start else 0
    return -value if start and start.sort == "price" else value


def _value(page: Page, item: dict[str, Any]) -> float | None:
    values = {"relevance": item["rank"], "price": item["priceCents"], "-price": item["priceCents"]}
    return values.get(page.order())


def _item(row: dict[str, Any]) -> FoundProduct:
    marked = {name: found_words.snippet(row[f"marked_{name}"] or "") for name in ("name", "description")}
    highlights = Highlights(**{name: text for name, text in marked.items() if "<mark>" in text})
    return msgspec.convert(row | {"highlights": highlights}, FoundProduct)
