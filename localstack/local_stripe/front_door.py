"""The rules of the local cloud's HTTP ports, for the local Stripe."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from millrace_plugin.front_door import rules

STRIPE_JS = "/js.stripe.com/"  # a script that a front end's page loads; it does nothing by itself


def middleware() -> Any:  # noqa: ANN401 - aiohttp's decorator is untyped here
    async def guard(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Any:  # noqa: ANN401
        headers = list(request.headers.items())
        script = request.method == "GET" and request.path.startswith(STRIPE_JS)
        reason = rules.refusal(headers, request.raw_path) or rules.foreign_origin(headers)
        if reason and not script:
            return web.Response(status=403, text=f"{reason}\n")
        return await handler(request)

    return web.middleware(guard)
