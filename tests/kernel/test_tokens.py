"""Access tokens: what holds, what does not, and the keys in Secrets Manager."""

import base64
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from werkzeug.wrappers import Response

from kernel.errors import UnauthorizedError, UnavailableError
from kernel.web import keys, tokens
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.tokens import Principal
from tests.kit.api import Answer, call
from tests.kit.aws import Aws
from tests.kit.tokens import PUBLIC_KEYS, SIGNING_KEYS, bearer, forged, hs256_with_the_public_key, sign

USER = UUID("0190a3c0-7f4b-7c11-9d1e-5f0c2b7a9e01")


@endpoint(scope="user")
def whoami(request: Request) -> dict[str, str]:
    return {"user": str(request.user_id)}


@endpoint(token_optional=True)
def greet(request: Request) -> dict[str, str | None]:
    return {"user": str(request.principal.user_id) if request.principal else None}


@endpoint(token_optional=True)
def insist(request: Request) -> dict[str, str]:
    return {"user": str(request.user_id)}


@pytest.fixture(autouse=True)
def verifier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_KEYS", PUBLIC_KEYS)


def claims(**changes: object) -> dict[str, Any]:
    """Those of a token that holds, with *changes*; None takes one away."""
    now = int(time.time())
    usual = {"iss": "https://millrace.local", "aud": "millrace", "sub": str(USER), "iat": now, "exp": now + 60}
    return {name: value for name, value in {**usual, "scope": "user", **changes}.items() if value is not None}


def with_header(**changes: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
    return bearer(claims(), **changes)


OTHER_KEY = keys.new_signing_keys()["keys"][0]
KNOWN_ID: dict[str, Any] = {"typ": "at+jwt", "kid": SIGNING_KEYS["keys"][0]["kid"]}


def now() -> int:
    return int(time.time())


REFUSED: dict[str, Callable[[], dict[str, str]]] = {
    "expired": lambda: bearer(claims(iat=now() - 1000, exp=now() - 31)),
    "not yet": lambda: bearer(claims(nbf=now() + 300)),
    "from the future": lambda: bearer(claims(iat=now() + 300)),
    "wrong issuer": lambda: bearer(claims(iss="https://elsewhere.example")),
    "wrong audience": lambda: bearer(claims(aud="elsewhere")),
    "no issuer": lambda: bearer(claims(iss=None)),
    "no audience": lambda: bearer(claims(aud=None)),
    "no time limit": lambda: bearer(claims(exp=None)),
    "no subject": lambda: bearer(claims(sub=None)),
    "a subject that is no user": lambda: bearer(claims(sub="admin")),
    "another type": lambda: with_header(typ="JWT"),
    "no type": lambda: with_header(typ=None),
    "an unknown key": lambda: with_header(kid="nobody's"),
    "no key": lambda: with_header(kid=None),
    "a key id that is a path": lambda: with_header(kid="../../dev/null"),
    "another's key under our id": lambda: bearer(claims(), OTHER_KEY, kid=KNOWN_ID["kid"]),
    "a key in the token": lambda: bearer(
        claims(), OTHER_KEY, kid=None, jwk=keys.public({"keys": [OTHER_KEY]})["keys"][0]
    ),
    "an unknown critical extension": lambda: with_header(crit=["exp2"], exp2=1),
    "alg none": lambda: forged({"alg": "none", **KNOWN_ID}, claims(), lambda _: b""),
    "alg NONE": lambda: forged({"alg": "NONE", **KNOWN_ID}, claims(), lambda _: b""),
    "HS256 with the public key as PEM": lambda: hs256_with_the_public_key(claims()),
    "HS256 with the public key as DER": lambda: hs256_with_the_public_key(
        claims(), encoding=Encoding.DER, form=PublicFormat.SubjectPublicKeyInfo
    ),
    "HS256 with the public point": lambda: hs256_with_the_public_key(
        claims(), encoding=Encoding.X962, form=PublicFormat.UncompressedPoint
    ),
    "an empty signature": lambda: forged({"alg": "ES256", **KNOWN_ID}, claims(), lambda _: b""),
    "a signature of zeroes": lambda: forged({"alg": "ES256", **KNOWN_ID}, claims(), lambda _: bytes(64)),
    "changed claims": lambda: {"Authorization": changed(sign(USER)["Authorization"])},
    "no token": lambda: {"Authorization": "Bearer "},
    "not a token": lambda: {"Authorization": "Bearer a.b.c"},
    "characters beyond ASCII": lambda: {"Authorization": "Bearer ä.ö.ü"},
    "another scheme": lambda: {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="},
}


def changed(authorization: str) -> str:
    """The same signature over another user's claims."""
    header, _, signature = authorization.split(".")
    payload = base64.urlsafe_b64encode(json.dumps(claims(sub=str(uuid4()))).encode()).rstrip(b"=").decode()
    return f"{header}.{payload}.{signature}"


@pytest.mark.parametrize("how", REFUSED)
def test_what_does_not_hold_is_refused(how: str) -> None:
    """401 with WWW-Authenticate and one text for all, on protected routes and where public ones ask for the user."""
    answers: list[Answer] = [call(handler, headers=REFUSED[how]()) for handler in (whoami, greet, insist)]
    assert [answer.status for answer in answers] == [401] * 3
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}
    assert all("Bearer " not in answer.body["detail"] or how == "another scheme" for answer in answers)


def test_a_token_that_holds_names_its_user() -> None:
    """Also with the scheme in other letters, and within the leeway after its end."""
    for headers in (sign(USER), bearer(claims(exp=int(time.time()) - 5))):
        assert call(whoami, headers=headers).body == {"user": str(USER)}
    token = sign(USER)["Authorization"].removeprefix("Bearer ")
    assert call(whoami, headers={"authorization": f"bearer  {token}"}).status == 200
    assert call(whoami, headers=bearer(claims(), typ="application/at+JWT")).status == 200


def test_both_published_keys_verify() -> None:
    """The one that signs and the next one."""
    for key in SIGNING_KEYS["keys"]:
        assert call(whoami, headers=bearer(claims(), key)).status == 200


def test_without_a_token_protected_routes_are_closed_and_public_ones_open() -> None:
    """401 with WWW-Authenticate; on a public route there is just no user, and asking for one is a 401."""
    answer = call(whoami)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert call(greet).body == {"user": None}
    assert call(insist).status == 401
    assert call(greet, headers=sign(USER)).body == {"user": str(USER)}


@pytest.mark.parametrize("scope", ["", "users", "USER", "user:read", "products:write"])
def test_another_scope_is_forbidden(scope: str) -> None:
    """403: signed in, but not for this."""
    assert call(whoami, headers=sign(USER, scope)).status == 403


def test_one_of_several_scopes_suffices() -> None:
    """Scopes are words with spaces between."""
    assert call(whoami, headers=sign(USER, "products:write user")).status == 200


def test_authorization_comes_before_the_body() -> None:
    """Who is not signed in learns nothing about the input, however wrong it is."""
    assert call(whoami, "POST", "not JSON").status == 401


class Store:
    """The public keys in Secrets Manager, and the verifier's clock."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.now = 1_000_000.0
        self.put(PUBLIC_KEYS)

    def put(self, content: str) -> None:
        self._aws.put_secret("public-keys", json.loads(content))

    def fail(self) -> None:
        """Let Secrets Manager answer no more requests."""
        self._aws.refuse = lambda _: Response("down", 503)

    def recover(self) -> None:
        self._aws.refuse = lambda _: None

    @property
    def reads(self) -> int:
        return len(self._aws.list_secret_reads())


@pytest.fixture
def store(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store(aws)
    monkeypatch.delenv("PUBLIC_KEYS")
    monkeypatch.setenv("PUBLIC_KEYS_SECRET", "public-keys")
    monkeypatch.setattr(tokens, "_stored", tokens._StoredKeys())
    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: made.now))
    return made


def verify(authorization: dict[str, str]) -> Principal:
    return tokens.verify(authorization["Authorization"].removeprefix("Bearer "))


def test_the_keys_are_read_every_five_minutes(store: Store) -> None:
    """Once for all the requests in between."""
    token = sign(USER)
    for _ in range(20):
        assert verify(token) == (USER, frozenset({"user"}))
    assert store.reads == 1
    store.now += 299
    verify(token)
    assert store.reads == 1
    store.now += 2
    verify(token)
    assert store.reads == 2


def test_a_token_of_a_new_key_lets_the_keys_be_read_at_once(store: Store) -> None:
    """So that a key that nobody was told of in advance works within half a minute."""
    verify(sign(USER))
    signing = keys.new_signing_keys()
    store.put(json.dumps(keys.public(signing)))
    store.now += 31
    assert verify(bearer(claims(), signing["keys"][0])).user_id == USER
    with pytest.raises(UnauthorizedError):
        verify(sign(USER))


def test_a_flood_of_unknown_keys_reads_the_keys_once_in_half_a_minute(store: Store) -> None:
    """Whoever invents key ids does not reach Secrets Manager."""
    verify(sign(USER))
    for second in range(90):
        for _ in range(3):
            with pytest.raises(UnauthorizedError):
                verify(bearer(claims(), kid=str(uuid4())))
        store.now += 1
        assert store.reads <= 2 + second // 30


def test_while_the_keys_cannot_be_read_the_known_ones_are_used_for_an_hour(store: Store) -> None:
    """Then nobody is let in any more: 503, not 401, and again as soon as they can be read."""
    token = sign(USER)
    verify(token)
    store.fail()
    for _ in range(11):
        store.now += 300
        verify(token)
    store.now += 301
    with pytest.raises(UnavailableError):
        verify(token)
    store.recover()
    store.now += 3
    verify(token)


def test_without_any_keys_nobody_is_let_in(store: Store) -> None:
    """A cold environment that cannot read them answers 503 and does not ask for each request."""
    store.fail()
    answers = [call(whoami, headers=sign(USER)) for _ in range(10)]
    assert {answer.status for answer in answers} == {503}
    assert {answer.headers["Retry-After"] for answer in answers} == {"2"}
    assert store.reads == 1


@pytest.mark.parametrize(
    "change",
    [{"kty": "RSA"}, {"crv": "P-384"}, {"alg": "HS256"}, {"use": "enc"}, {"x": None}],
)
def test_a_key_of_another_kind_is_not_taken(monkeypatch: pytest.MonkeyPatch, change: dict[str, object]) -> None:
    """A set with one is a mistake of ours: no token holds, nothing is guessed."""
    published = json.loads(PUBLIC_KEYS)
    published["keys"][0] |= change
    monkeypatch.setenv("PUBLIC_KEYS", json.dumps(published))
    assert call(whoami, headers=sign(USER)).status == 500
