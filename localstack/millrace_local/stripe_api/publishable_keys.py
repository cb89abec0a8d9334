"""What Stripe.js may do with the publishable key: make payment methods, and confirm what it has the secret of."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from localstripe.resources import store
from localstripe.server import auth_middleware, get_post_data, unflatten_data

INTENT = re.compile(r"/v1/payment_intents/(\w+)(/confirm)?")


def middleware() -> Any:  # noqa: ANN401 - aiohttp's decorator is untyped here
    async def allow(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Any:  # noqa: ANN401
        if request.path.startswith("/_millrace/") or await _is_allowed(request):
            return await handler(request)
        return await auth_middleware(request, handler)

    return web.middleware(allow)


async def _is_allowed(request: web.Request) -> bool:
    post = request.method == "POST"
    sent = (await get_post_data(request, remove_auth=False)) if post else unflatten_data(request.query)
    sent = sent or {}
    key = sent.get("key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not str(key).startswith("pk_"):
        return False
    if post and request.path == "/v1/payment_methods":
        return True
    found = INTENT.fullmatch(request.path)
    if not found or post != bool(found[2]):
        return False
    intent = store.get(f"payment_intent:{found[1]}")
    return intent is not None and sent.get("client_secret") == intent.client_secret
