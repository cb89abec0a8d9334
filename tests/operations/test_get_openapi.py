"""GET /openapi.json."""

import json

from operations import get_openapi
from tests import openapi
from tests.api import call


def test_gives_the_kept_document() -> None:
    """As JSON that anybody may cache for a while."""
    answer = call(get_openapi.handler)

    assert answer.body == json.loads(openapi.FILE.read_text())
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
