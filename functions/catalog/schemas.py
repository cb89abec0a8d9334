"""What the catalog API takes and gives."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from catalog.model import Product
from kernel.texts import CurrencyCode, Line
from kernel.web.pages import Page

Category = Annotated[str, Meta(max_length=64, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)")]
Cents = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
Sort = Literal["relevance", "price", "-price", "newest"]


class ProductDetails(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The details of a product. *category*: words with hyphens (`garden-furniture`).

    *stock*: pieces that can be ordered, without those that are held for orders.
    """

    name: Line
    category: Category
    price_cents: Cents
    description: Annotated[str, Meta(max_length=10_000)] = ""
    currency: CurrencyCode = "USD"
    stock: Annotated[int, Meta(ge=0, le=2_000_000_000)] = 0


class ListProducts(Page, frozen=True):
    """*category*: list only its products."""

    category: Category | None = None


class SearchProducts(Page, frozen=True, rename="camel"):
    """*q*: words, taken as they are, without operators. *sort*: relevance without *q* is newest."""

    q: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    category: Category | None = None
    min_price_cents: Cents | None = None
    max_price_cents: Cents | None = None
    in_stock: bool = False
    sort: Sort = "relevance"
    limit: Annotated[int, Meta(ge=1, le=100)] = 20

    def order(self) -> Sort:
        """Return how the results are sorted."""
        return "newest" if self.sort == "relevance" and self.q is None else self.sort


class Highlights(Struct, frozen=True):
    """Parts of the product as safe HTML. Matching words are in `<mark>`, which is the only markup."""

    name: str | None = None
    description: str | None = None


class FoundProduct(Product, frozen=True, rename="camel"):
    highlights: Highlights


class CategoryCount(Struct, frozen=True):
    category: str
    count: int


class PriceCount(Struct, frozen=True, rename="camel"):
    """A range of prices, both ends included. *max_price_cents*: null for no upper end."""

    min_price_cents: int
    max_price_cents: int | None
    count: int


class Facets(Struct, frozen=True, rename="camel"):
    """How many products the same query would find with another category or price."""

    categories: list[CategoryCount]
    prices: list[PriceCount]


class FoundProducts(Struct, frozen=True):
    """*degraded*: the search index is down, and Postgres has found exact words only."""

    items: list[FoundProduct]
    total: int
    facets: Facets
    degraded: bool


class Position(Struct, frozen=True, array_like=True):
    """The position of a page's last product.

    *engine*: the search engine, because their relevance scores are not comparable.
    *value*: by which it was sorted; None if by its id alone.
    """

    engine: Literal["index", "database"]
    sort: Sort
    value: Annotated[float, Meta(ge=0, le=1e12)] | None
    id: UUID
