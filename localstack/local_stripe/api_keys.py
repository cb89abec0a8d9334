"""What each API key allows: the account's own key everything, the publishable key of Stripe.js only two things.

With a publishable key, a browser creates payment methods and confirms intents whose client secret it has. Any other key
is refused. Stripe: "API keys", "Authentication" (API Reference).
"""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from localstripe.resources import store
from localstripe.server import get_post_data, unflatten_data

from local_stripe import errors

INTENT = re.compile(r"/v1/payment_intents/(\w+)(/confirm|/_authenticate)?")
# Paths of the local Stripe that Stripe does not have.
OPEN_PATHS = ("/_millrace/", "/_config/", "/js.stripe.com/")
PUBLISHABLE = "pk_test_"
CREATED_BY_BROWSERS = re.compile(r"/v1/(payment_methods|tokens|sources|setup_intents/\w+/(confirm|cancel))")


def middleware(secret_key: str) -> Any:  # noqa: ANN401 - aiohttp's decorator is untyped here
    async def allow(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Any:  # noqa: ANN401
        if not request.path.startswith(OPEN_PATHS):
            await _check(request, secret_key)
        return await handler(request)

    return web.middleware(allow)


async def _check(request: web.Request, secret_key: str) -> None:
    post = request.method == "POST"
    sent = (await get_post_data(request, remove_auth=False)) if post else unflatten_data(request.query)
    sent = sent or {}
    key = _key(request.headers.get("Authorization", "")) or str(sent.get("key") or "")
    if key == secret_key:
        return
    if not key:
        message = (
            "You did not provide an API key. Provide it in the Authorization header, as in `Bearer YOUR_SECRET_KEY`."
        )
        raise errors.unauthorized(message)
    if not key.startswith(PUBLISHABLE):
        raise errors.unauthorized(f"Invalid API Key provided: {_mask(key)}")
    if not _is_for_browsers(request.path, sent, post=post):
        raise errors.unauthorized("This API call cannot be made with a publishable API key.")


def _mask(key: str) -> str:
    ends = len("sk_test_"), len("last")
    return f"{key[: ends[0]]}****{key[-ends[1] :]}" if len(key) > sum(ends) else "****"


def _key(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme == "Basic":
        try:
            return base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return value
    return value if scheme == "Bearer" else header


def _is_for_browsers(path: str, sent: dict[str, Any], *, post: bool) -> bool:
    if post and CREATED_BY_BROWSERS.fullmatch(path):
        return True
    found = INTENT.fullmatch(path)
    if not found or post != bool(found[2]):
        return False
    intent = store.get(f"payment_intent:{found[1]}")
    return intent is not None and sent.get("client_secret") == intent.client_secret
