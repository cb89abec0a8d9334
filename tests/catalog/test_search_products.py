"""GET /api/v1/products/search: OpenSearch's answers, and Postgres's in its place."""

import re
import socket

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog import opensearch, search_index
from tests.catalog.indexing import TABLE, Index, found, pages, search
from tests.kit.documents import Person, wrong_fields

MARKUP = re.compile("</?mark>")
GOODS = [
    {"name": "Oak table", "description": "Seats six.", "category": "furniture", "priceCents": 49900, "stock": 3},
    {
        "name": "Oak chair",
        "description": "Goes with the table.",
        "category": "furniture",
        "priceCents": 9900,
        "stock": 0,
    },
    {
        "name": "Desk lamp",
        "description": "Light & <b>warm</b> light.",
        "category": "lamps",
        "priceCents": 2500,
        "stock": 9,
    },
    {"name": "Lamp oil", "description": "For old lamps.", "category": "garden-goods", "priceCents": 700, "stock": 1},
]
STRANGE = ['"', "(((", "a AND (b", "name:oak", "*", "~1", "/[/", "\\", "-", "&& ||", "'", "%", "a" * 100, "ab c " * 20]


@pytest.fixture
def goods(seller: Person) -> list[str]:
    return [seller.create(each).body["id"] for each in GOODS]


@pytest.fixture
def indexed(index: Index, goods: list[str]) -> None:
    """The goods are in the index."""
    assert index.consume() == []
    assert index.documents().keys() == set(goods)


@pytest.fixture(params=["index", "database"])
def engine(request: pytest.FixtureRequest, goods: list[str]) -> str:
    """Both engines, each with the goods; the same is expected of both."""
    if request.param == "index":
        request.getfixturevalue("indexed")
    else:
        request.getfixturevalue("without_opensearch")
    return str(request.param)


def test_says_which_engine_answers(engine: str) -> None:
    """`degraded` is true when Postgres answers, in the same shape."""
    answer = search(q="oak table")
    assert answer.status == 200, answer.body
    assert answer.body.keys() == {"items", "total", "facets", "degraded"}
    assert answer.body["degraded"] == (engine == "database")
    best = answer.body["items"][0]
    assert best.items() >= GOODS[0].items()
    assert best["version"] == 1
    assert best["highlights"]["name"] == "<mark>Oak</mark> <mark>table</mark>"


def test_the_name_counts_most(engine: str) -> None:
    """A word in the name ranks above the same word in the description."""
    assert found(q="table") == ["Oak table", "Oak chair"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"category": "furniture"}, {"Oak table", "Oak chair"}),
        ({"inStock": "true"}, {"Oak table", "Desk lamp", "Lamp oil"}),
        ({"inStock": "false"}, {"Oak table", "Oak chair", "Desk lamp", "Lamp oil"}),
        ({"minPriceCents": 2500}, {"Oak table", "Oak chair", "Desk lamp"}),
        ({"maxPriceCents": 2500}, {"Desk lamp", "Lamp oil"}),
        ({"minPriceCents": 700, "maxPriceCents": 700}, {"Lamp oil"}),
        ({"q": "oak", "inStock": "true"}, {"Oak table"}),
        ({"q": "lamp", "category": "lamps", "maxPriceCents": 3000}, {"Desk lamp"}),
        ({"q": "nothing"}, set()),
    ],
)
def test_filters(engine: str, query: dict[str, object], expected: set[str]) -> None:
    """By category, by price with both ends included, by stock, each alone and together."""
    answer = search(**query)
    assert {each["name"] for each in answer.body["items"]} == expected
    assert answer.body["total"] == len(expected)


def test_sorts(engine: str) -> None:
    """By price up and down, and the newest first, which is also the order of a search without words."""
    by_price = ["Lamp oil", "Desk lamp", "Oak chair", "Oak table"]
    assert found(sort="price") == by_price
    assert found(sort="-price") == by_price[::-1]
    assert found(sort="newest") == found() == [each["name"] for each in GOODS][::-1]


def test_facets_show_what_their_own_filter_leaves_out(engine: str) -> None:
    """Categories are counted as if none were chosen, prices as if none were, both with the rest of the query."""
    facets = search(category="furniture", minPriceCents=10_000).body["facets"]
    assert facets["categories"] == [{"category": "furniture", "count": 1}]
    counts = {each["minPriceCents"]: each["count"] for each in facets["prices"]}
    assert counts == {0: 0, 1_000: 0, 5_000: 1, 10_000: 1, 50_000: 0}
    assert facets["prices"][0]["maxPriceCents"] == 999
    assert facets["prices"][-1]["maxPriceCents"] is None
    everything = search(category="lamps").body["facets"]["categories"]
    assert {each["category"]: each["count"] for each in everything} == {"furniture": 2, "lamps": 1, "garden-goods": 1}


@pytest.mark.parametrize("query", [{"q": "oak lamp table", "limit": 1}, {"sort": "price"}, {"sort": "-price"}, {}])
def test_pages_hold_every_product_once(engine: str, query: dict[str, object]) -> None:
    """Following the links gives, in order, what one large page gives."""
    whole = [each["id"] for each in search(**{**query, "limit": 100}).body["items"]]
    assert [each["id"] for page in pages(**{**query, "limit": 1}) for each in page] == whole


def test_highlights_are_safe_html(engine: str) -> None:
    """What a seller writes is text: the only markup is the mark."""
    [item] = search(q="warm").body["items"]
    assert "&amp;" in item["highlights"]["description"]
    assert "<b>" not in item["highlights"]["description"]
    assert item["description"] == GOODS[2]["description"]


@pytest.mark.parametrize("text", STRANGE)
def test_no_text_is_an_operator(engine: str, text: str) -> None:
    """Whatever is searched for is words, or nothing; the engine does not fail over it."""
    answer = search(q=text)
    assert answer.status == 200, answer.body
    assert answer.body["degraded"] == (engine == "database")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=100))
@example(text="ab1c " * 20)
def test_any_text_may_be_searched(indexed: None, text: str) -> None:
    """200 from OpenSearch for every text, long and strange ones included."""
    answer = search(q=text)
    assert (answer.status, answer.body["degraded"]) == (200, False)


def test_finds_what_is_misspelt_and_what_is_inflected(indexed: None) -> None:
    """A letter too few, another ending, a part of the category."""
    assert found(q="tble")[0] == "Oak table"
    assert found(q="tables")[0] == "Oak table"
    assert found(q="garden") == ["Lamp oil"]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"q": ""}, {"query.q"}),
        ({"q": "x" * 101}, {"query.q"}),
        ({"category": "Not A Slug"}, {"query.category"}),
        ({"minPriceCents": -1, "maxPriceCents": "x"}, {"query.minPriceCents", "query.maxPriceCents"}),
        ({"inStock": "maybe", "sort": "name", "limit": 101}, {"query.inStock", "query.sort", "query.limit"}),
        ({"cursor": "nonsense"}, {"query.cursor"}),
        ({"cursor": "WyJpbmRleCIsICJwcmljZSIsIDEsICJ4Il0"}, {"query.cursor"}),
    ],
)
def test_what_is_wrong_is_named(
    without_opensearch: None, catalog: None, query: dict[str, object], wrong: set[str]
) -> None:
    """Each wrong field of the query has its own problem."""
    answer = search(**query)
    assert (answer.status, wrong_fields(answer)) == (400, wrong)


def test_a_cursor_of_another_order_is_refused(engine: str) -> None:
    """A page goes on only as it began."""
    cursor = _cursor(sort="price", limit=1)
    assert wrong_fields(search(sort="newest", cursor=cursor)) == {"query.cursor"}
    assert wrong_fields(search(q="oak", cursor=cursor)) == {"query.cursor"}


def test_a_page_by_price_goes_on_in_the_other_engine_and_one_by_relevance_does_not(
    indexed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When OpenSearch goes, between two pages: prices are the same everywhere, relevance is not."""
    by_price, by_words = _cursor(sort="price", limit=2), _cursor(q="oak", limit=1)
    with monkeypatch.context() as down:
        down.setenv("OPENSEARCH_URL", "http://127.0.0.1:1")
        assert found(sort="price", cursor=by_price) == ["Oak chair", "Oak table"]
        refused = search(q="oak", cursor=by_words)
    assert (refused.status, wrong_fields(refused)) == (400, {"query.cursor"})


def test_silence_is_waited_for_once(
    without_opensearch: None, goods: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that takes the connection and says nothing is given up, and then left alone for some seconds: not every
    customer waits for it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OPENSEARCH_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(search_index, "TIMEOUT_SECONDS", 0.3)
        monkeypatch.setattr(search_index.breaker, "seconds", 60)
        assert search().body["degraded"]
        monkeypatch.setattr(opensearch, "client", None)
        assert [search().body["degraded"] for _ in range(3)] == [True] * 3


def test_an_index_that_is_not_there_is_no_failure(index: Index, seller: Person) -> None:
    """Before the first event is indexed, the database answers."""
    seller.create(TABLE)
    answer = search()
    assert (answer.status, answer.body["degraded"], answer.body["total"]) == (200, True, 1)


def _cursor(**query: object) -> str:
    link = search(**query).headers["Link"]
    return link.partition("cursor=")[2].partition(">")[0]


@pytest.mark.parametrize("q", ["seaside", "<seaside>", "copy", "manual"])
def test_finds_words_inside_signs(seller: Person, without_opensearch: None, q: str) -> None:
    """In the database too: markup, entities and paths are words for the seller who writes them."""
    seller.create({**GOODS[0], "description": '<img alt="seaside"> a &copy; b, see docs/manual/intro.md'})

    [item] = search(q=q).body["items"]

    assert f"<mark>{q.strip('<>')}</mark>" in item["highlights"]["description"]
    assert "&quot;&gt; a &amp;copy; b" in MARKUP.sub("", item["highlights"]["description"])


def test_a_page_of_large_products_ends_where_lambda_does(seller: Person, without_opensearch: None) -> None:
    """100 products of 10,000 characters that count seven times: every one is on one page."""
    for number in range(100):
        assert seller.create({**GOODS[0], "name": f"Oak {number}", "description": "\x01" * 10_000}).status == 201

    several = list(pages(limit=100))
    assert len(several) > 1
    assert len({each["id"] for page in several for each in page}) == 100
    listed = list(seller.pages(limit=100))
    assert len(listed) > 1
    assert len({each["id"] for page in listed for each in page}) == 100
