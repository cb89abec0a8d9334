"""GET /.well-known/jwks.json."""

from uuid import UUID

import jwt

from tests.kit.api import call
from tests.kit.databases import Database
from tests.users.conftest import Client, user_id
from users import get_jwks


def test_anybody_can_verify_a_token_with_the_published_keys(users: Database, client: Client) -> None:
    """A standard library reads the set and finds the token's key in it; it may keep the set for a while."""
    answer = call(get_jwks.handler)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    found = jwt.PyJWKSet.from_dict(answer.body)[jwt.get_unverified_header(client.access_token)["kid"]]
    claims = jwt.decode(client.access_token, found, algorithms=["ES256"], audience="millrace")
    assert UUID(claims["sub"]) == user_id(users, client)


def test_two_keys_are_published_and_no_private_one(users: Database) -> None:
    """The one that signs and the next one; of each the public parts alone."""
    keys = call(get_jwks.handler).body["keys"]
    assert len({key["kid"] for key in keys}) == 2
    assert [set(key) for key in keys] == [{"kid", "kty", "crv", "alg", "use", "x", "y"}] * 2
