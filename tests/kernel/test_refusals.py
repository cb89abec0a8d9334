"""The HTTP edge counts credentials that do not hold."""

import time
from uuid import uuid4

import pytest

from kernel.errors import UnauthorizedError
from kernel.web import rate_limit
from kernel.web.endpoint import endpoint
from kernel.web.rate_limit import Rate
from kernel.web.requests import Request
from tests.kit import tokens
from tests.kit.api import Handler, call


@endpoint(scope="user")
def mine(request: Request) -> str:
    return str(request.user_id)


@endpoint(token_optional=True)
def anybodys(_request: Request) -> str:
    return "something"


@endpoint()
def signed(_request: Request) -> str:
    raise UnauthorizedError("This signature does not hold.")


BAD: dict[str, dict[str, str]] = {
    "none": {},
    "no token": {"Authorization": "Bearer x.y.z"},
    "another scheme": {"Authorization": "Basic YTpi"},
    "expired": tokens.sign(uuid4(), exp=int(time.time()) - 300),
    "of another issuer": tokens.sign(uuid4(), iss="https://elsewhere.example"),
}


@pytest.fixture
def counted(patient_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis counts, and there are keys."""
    monkeypatch.setenv("PUBLIC_KEYS", tokens.PUBLIC_KEYS)
    monkeypatch.setitem(rate_limit.RATES, "refusal", Rate(burst=3, seconds=60))


@pytest.mark.parametrize(
    ("endpoint", "credential"),
    [*((mine, each) for each in BAD), *((anybodys, each) for each in BAD if each != "none"), (signed, "none")],
)
@pytest.mark.usefixtures("counted")
def test_counts_credentials_that_do_not_hold_by_address(endpoint: Handler, credential: str) -> None:
    """After a burst 429 with Retry-After, in all routes together; other addresses and good tokens are let in."""
    address, headers = str(uuid4()), BAD[credential]
    answers = [call(endpoint, headers=headers, address=address) for _ in range(4)]

    assert [answer.status for answer in answers] == [401, 401, 401, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert call(mine, address=address).status == 429
    assert call(endpoint, headers=headers).status == 401
    assert call(mine, headers=tokens.sign(uuid4()), address=address).status == 200
    assert call(anybodys, address=address).status == 200


@pytest.mark.usefixtures("counted")
def test_counts_tokens_without_the_scope_as_their_users_requests() -> None:
    """They hold, so that 403 takes of the user's allowance."""
    headers = tokens.sign(uuid4(), scope="")
    answers = [call(mine, headers=headers) for _ in range(2)]

    assert [answer.status for answer in answers] == [403, 403]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["99", "98"]
