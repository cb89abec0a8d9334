"""GET /openapi.json."""

import json

from operations import get_openapi
from tests.kit.api import call
from tools import openapi


def test_gives_the_kept_document() -> None:
    """As JSON that anybody may cache for a while."""
    answer = call(get_openapi.handler)

    assert answer.body == json.loads(openapi.FILE.read_text())
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
