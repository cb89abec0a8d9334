"""Search in OpenSearch: similar words match too, the name counts most; with facets and highlights."""

from typing import Any

import msgspec

from catalog import model, opensearch
from catalog.index import LIVE
from catalog.opensearch import SilentError
from catalog.schemas import CategoryCount, Facets, FoundProduct, FoundProducts, Highlights, Position, PriceCount
from catalog.schemas import SearchProducts as Page
from kernel.errors import UnavailableError
from kernel.storage.breaker import Breaker

TIMEOUT_SECONDS = 1.5
CATEGORIES = 20

HIGHLIGHT = {
    "encoder": "html",
    "pre_tags": ["<mark>"],
    "post_tags": ["</mark>"],
    "fields": {"name": {"number_of_fragments": 0}, "description": {"number_of_fragments": 1, "fragment_size": 150}},
}
SORTS: dict[str, list[dict[str, str]]] = {
    "relevance": [{"_score": "desc"}, {"id": "desc"}],
    "price": [{"priceCents": "asc"}, {"id": "desc"}],
    "-price": [{"priceCents": "desc"}, {"id": "desc"}],
    "newest": [{"id": "desc"}],
}

type Clause = dict[str, Any]

# Skips OpenSearch after it did not answer, so that not every customer waits for the timeout.
breaker = Breaker(seconds=5)


def search(page: Page, start: Position | None) -> tuple[FoundProducts, Position | None]:
    """Return the products after *start*, and the position of the last one if there may be more, else None.

    Raises UnavailableError, for some seconds after a failure immediately, and RefusedError if the index does not fit.
    """
    if start:
        model.check_engine(start.sort, start.engine, "index")
    if breaker.is_open:
        raise UnavailableError("The search index did not answer a moment ago.")
    try:
        with opensearch.client() as client:
            answer = client.search(index=LIVE, body=_question(page, start), request_timeout=TIMEOUT_SECONDS)
    except SilentError:
        breaker.record_failure()
        raise
    return _answer(page, answer)


def _question(page: Page, start: Position | None) -> Clause:
    category = [{"term": {"category": page.category}}] if page.category else []
    prices = {"gte": page.min_price_cents, "lte": page.max_price_cents}
    price = [{"range": {"priceCents": {end: cents for end, cents in prices.items() if cents is not None}}}]
    stock = [{"range": {"stock": {"gt": 0}}}] if page.in_stock else []
    question: Clause = {
        "query": {"bool": {"must": _words(page.q), "filter": [{"term": {"deleted": False}}, *stock]}},
        # Applied after the facets: each of them also counts what its own filter excludes.
        "post_filter": {"bool": {"filter": [*category, *price]}},
        "aggs": {
            "categories": {
                "filter": {"bool": {"filter": price}},
                "aggs": {"values": {"terms": {"field": "category", "size": CATEGORIES}}},
            },
            "prices": {"filter": {"bool": {"filter": category}}, "aggs": {"values": {"range": _ranges()}}},
        },
        "highlight": HIGHLIGHT,
        "sort": SORTS[page.order()],
        "size": page.limit,
        "track_total_hits": True,
        "track_scores": False,
    }
    if start:
        value = start.value if start.sort == "relevance" else int(start.value or 0)
        question["search_after"] = [str(start.id)] if start.sort == "newest" else [value, str(start.id)]
    return question


def _words(q: str | None) -> Clause:
    """Return the query for *q*. `multi_match` has no operators, so no text is malformed; few expansions keep it cheap."""
    if q is None:
        return {"match_all": {}}
    return {
        "multi_match": {
            "query": q,
            "fields": ["name^3", "category.words^2", "description"],
            "fuzziness": "AUTO",
            "prefix_length": 1,
            "max_expansions": 10,
            "minimum_should_match": "2<75%",
        }
    }


def _ranges() -> Clause:
    ends = [*model.PRICE_STEPS[1:], None]
    ranges = [
        {"from": begin, "to": end} if end is not None else {"from": begin}
        for begin, end in zip(model.PRICE_STEPS, ends, strict=True)
    ]
    return {"field": "priceCents", "ranges": ranges}


def _answer(page: Page, answer: Clause) -> tuple[FoundProducts, Position | None]:
    hits = answer["hits"]["hits"]
    found = (msgspec.convert(each["_source"] | {"highlights": _highlights(each)}, FoundProduct) for each in hits)
    items, has_next = page.cut(list(found))
    categories = answer["aggregations"]["categories"]["values"]["buckets"]
    prices = answer["aggregations"]["prices"]["values"]["buckets"]
    facets = Facets(
        [CategoryCount(each["key"], each["doc_count"]) for each in categories],
        [PriceCount(*ends, each["doc_count"]) for ends, each in zip(model.price_ranges(), prices, strict=True)],
    )
    last = None
    if has_next:
        value = None if page.order() == "newest" else hits[len(items) - 1]["sort"][0]
        last = Position("index", page.order(), value, items[-1].id)
    return FoundProducts(items, answer["hits"]["total"]["value"], facets, degraded=False), last


def _highlights(hit: Clause) -> Highlights:
    return Highlights(**{name: fragments[0] for name, fragments in hit.get("highlight", {}).items()})
