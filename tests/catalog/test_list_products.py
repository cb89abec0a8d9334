"""GET /api/v1/products."""

import pytest

from tests.catalog.indexing import TABLE
from tests.kit.documents import Person, wrong_fields


def test_lists_every_product_once_newest_first(seller: Person, visitor: Person) -> None:
    """Following the links leads through all pages; a category's list has its products alone."""
    ids = [seller.create({**TABLE, "category": ("a", "b")[n % 2]}).body["id"] for n in range(7)]
    assert [each["id"] for page in visitor.pages(limit=3) for each in page] == ids[::-1]
    assert [each["id"] for page in visitor.pages(limit=2, category="a") for each in page] == ids[::-2]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"limit": "0"}, "query.limit"),
        ({"limit": "101"}, "query.limit"),
        ({"cursor": "x"}, "query.cursor"),
        ({"category": "A B"}, "query.category"),
        ({"name": "x"}, "query.name"),
    ],
)
def test_a_wrong_query_is_refused(visitor: Person, query: dict[str, str], wrong: str) -> None:
    """The wrong parameter is named, and so is one that is not known, as in every list."""
    answer = visitor.list(**query)
    assert (answer.status, wrong_fields(answer)) == (400, {wrong})
