"""GET /docs."""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from operations import get_docs, page
from tests.kit.lambda_events import Context, request
from tools import openapi

DOCUMENT = json.loads(openapi.FILE.read_text())
VOID = {"meta"}


class Tags(HTMLParser):
    """Every element of the page with its attributes; fails where they are not nested well."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def attributes(self, name: str) -> Iterator[str]:
        return (value for _, attributes in self.found for key, value in attributes.items() if key == name and value)


def tags(text: str) -> Tags:
    found = Tags()
    found.feed(text)
    assert found._open == []
    return found


@pytest.fixture
def answer(context: Context) -> dict[str, Any]:
    return get_docs.handler(request(), context)


def test_shows_every_operation_and_schema(answer: dict[str, Any]) -> None:
    """Each route with its summary, each schema under its name, and no link that leads nowhere on the page."""
    found = tags(answer["body"])

    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    for path, item in DOCUMENT["paths"].items():
        for method in item:
            assert f"<b>{method.upper()}</b> <code>{path}</code>" in answer["body"]
    ids = set(found.attributes("id"))
    assert ids == DOCUMENT["components"]["schemas"].keys()
    assert {link.removeprefix("#") for link in found.attributes("href")} <= ids | {"openapi.json"}


def test_takes_nothing_from_elsewhere(answer: dict[str, Any]) -> None:
    """No script, no address; the policy allows the one style on the page, by its hash, and nothing else."""
    [style] = re.findall("<style>(.*)</style>", answer["body"], re.DOTALL)
    allowed = b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert not {"script", "link", "img", "iframe", "form"} & {tag for tag, _ in tags(answer["body"]).found}
    assert list(tags(answer["body"]).attributes("style")) == []
    assert answer["headers"]["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{allowed}'; frame-ancestors 'none'"
    )


def test_escapes_what_the_document_says() -> None:
    """A description is text, whatever it looks like."""
    info = {"title": "<script>", "description": "a < b & c", "version": '"'}
    text = page.render({"info": info, "tags": [], "paths": {}, "components": {"schemas": {"X": {"title": "<i>"}}}})

    assert "<script>" not in text
    assert "a &lt; b &amp; c" in text
    assert "<i>" not in text
