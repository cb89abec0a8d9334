"""Pages of lists end before Lambda's limit, and lose nothing between them."""

import json
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from kernel.web import pages
from kernel.web.pages import Page
from kernel.web.responses import Reply

LAMBDA_TAKES = 6 * 1024 * 1024


class Item(msgspec.Struct, frozen=True):
    id: int
    text: str


def position(item: Item) -> tuple[object, ...]:
    return (item.id,)


def following(reply: Reply[Any]) -> Page | None:
    if "Link" not in reply.headers:
        return None
    query = dict(parse_qsl(reply.headers["Link"].partition(">")[0].removeprefix("<?")))
    return Page(limit=int(query["limit"]), cursor=query["cursor"])


def read_all(items: list[Item], page: Page) -> list[list[Item]]:
    """Read *items* page by page, as a list function does."""
    found: list[list[Item]] = []
    following_page: Page | None = page
    while following_page is not None:
        [after] = following_page.start(tuple[int]) or (-1,)
        reply = following_page.reply(items[after + 1 :][: following_page.limit], position)
        found.append(reply.body)
        following_page = following(reply) if reply.body else None
    return found


@pytest.mark.parametrize("text", ["x", '"', "\\", "\x01", "\U0001f600", "'<&"], ids=repr)
@pytest.mark.parametrize("length", [10, 30_000, 250_000])
def test_every_item_is_on_one_page_that_lambda_can_answer(text: str, length: int) -> None:
    """Whatever the text is, also where it counts twice in Lambda's answer."""
    items = [Item(number, text * (length // len(text.encode()))) for number in range(60)]

    found = read_all(items, Page(limit=25))

    assert [item.id for page in found for item in page] == list(range(60))
    for page in found:
        answer = json.dumps({"body": msgspec.json.encode(page).decode()}, ensure_ascii=False)
        assert len(answer.encode()) < LAMBDA_TAKES
        assert len(page) == 25 or length > 10 or page[-1:] in ([], items[-1:])


def test_an_item_that_is_larger_than_a_page_is_a_page() -> None:
    """Or the list would end there."""
    items = [Item(0, "a"), Item(1, "x" * pages.LARGEST_PAGE), Item(2, "b")]

    assert [[item.id for item in page] for page in read_all(items, Page())] == [[0], [1], [2]]


def test_the_link_repeats_the_query_as_it_is_understood() -> None:
    """True and false as a query takes them."""

    class Things(Page, frozen=True):
        in_stock: bool = False

    link = Things(in_stock=True).next_link(5)["Link"]

    assert dict(parse_qsl(link.partition(">")[0].removeprefix("<?")))["in_stock"] == "true"
