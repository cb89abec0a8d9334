"""Entity tags: lost updates are refused, unchanged documents are not sent again."""

import pytest

from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply
from tests.kit.api import call

VERSION = 7


@endpoint()
def read(_request: Request) -> Reply:
    return Reply({"title": "My Blog"}, headers={"ETag": etags.of(VERSION)})


@endpoint()
def change(request: Request) -> Reply:
    etags.check(request, VERSION)
    return Reply({"title": "changed"}, headers={"ETag": etags.of(VERSION + 1)})


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 200),
        ('"7"', 200),
        ("*", 200),
        ('"6", "7"', 200),
        ('"6"', 412),
        ('W/"7"', 412),
        ("7", 412),
        ("", 412),
        ('"77"', 412),
    ],
)
def test_a_change_of_another_version_is_refused(header: str | None, status: int) -> None:
    """If-Match compares strongly; without it the change is made."""
    headers = {} if header is None else {"If-Match": header}
    assert call(change, "PUT", headers=headers).status == status


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 200), ('"7"', 304), ('W/"7"', 304), ("*", 304), ('"6", "7"', 304), ('"6"', 200), ("7", 200)],
)
def test_what_the_reader_has_is_not_sent_again(header: str | None, status: int) -> None:
    """304 without a body, with the tag and the usual headers; If-None-Match compares weakly."""
    answer = call(read, headers={} if header is None else {"If-None-Match": header})
    assert answer.status == status
    assert answer.headers["ETag"] == '"7"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (answer.body is None) == (status == 304)


def test_only_reading_may_be_answered_with_304() -> None:
    """A change is answered in full, whatever the client has."""
    assert call(change, "PUT", headers={"If-None-Match": '"8"'}).status == 200
