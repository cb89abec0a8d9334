"""The API's page, without a server."""

from typing import Any

import pytest

from operations import page

HOSTILE = "<script>alert(1)</script>"


def document(text: str) -> dict[str, Any]:
    """Return a small API's description, with *text* wherever people write."""
    operation = {
        "tags": ["things"],
        "summary": text,
        "description": text,
        "security": [{"accessToken": ["user"]}],
        "responses": {"200": {"description": text}},
    }
    return {
        "info": {"title": text, "description": text, "version": "1"},
        "tags": [{"name": "things", "description": text}],
        "paths": {"/things": {"get": operation}},
        "components": {"schemas": {"Thing": {"type": "object", "description": text, "properties": {}}}},
    }


def test_shows_every_operation_with_its_access() -> None:
    """By its tag, its method and its path."""
    rendered = page.render(document("plain"))

    for part in ("<h2>things</h2>", "<b>GET</b> <code>/things</code> plain", "with the scope user", "Thing"):
        assert part in rendered


@pytest.mark.parametrize("text", [HOSTILE, "a & b < c"])
def test_no_text_is_markup(text: str) -> None:
    """A docstring may hold anything."""
    assert text not in page.render(document(text))
