"""GET /.well-known/jwks.json: the public keys with which anybody can verify our access tokens."""

from kernel import http, tokens
from kernel.responses import Reply
from kernel.tokens import PublicKeySet


@http.endpoint(any_query=True)
def handler(_request: http.Request) -> Reply[PublicKeySet]:
    return Reply(tokens.public_keys(), headers={"Cache-Control": f"public, max-age={tokens.RELOAD_SECONDS}"})
