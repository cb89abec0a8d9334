"""GET /.well-known/jwks.json: the public keys that verify our access tokens."""

from kernel.web import tokens
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply
from kernel.web.tokens import PublicKeySet


@endpoint(any_query=True)
def handler(_request: Request) -> Reply[PublicKeySet]:
    return Reply(tokens.public_keys(), headers={"Cache-Control": f"public, max-age={tokens.RELOAD_SECONDS}"})
