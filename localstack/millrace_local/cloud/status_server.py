"""Serve the status of the local cloud at `GET /_millrace/v1/status?seconds=N`, also while LocalStack is down."""

import asyncio
import logging
import math
import time

import msgspec
from aiohttp import web

from local_stripe import front_door
from millrace_local.cloud.status import status
from millrace_local.instance import HOST, Instance

SECONDS = 2.5
"""For how long what does not answer is waited for, unless the client asks for something else."""
LONGEST_SECONDS = 60
RETRY_SECONDS = 5

logger = logging.getLogger("status")


def serve(instance: Instance) -> None:
    """Serve until the process ends. A port that is taken is tried again."""
    while True:
        loop = asyncio.new_event_loop()
        try:
            port = instance.ports["status"]
            web.run_app(
                application(instance),
                host=HOST,
                port=port,
                handle_signals=False,
                print=None,
                access_log=None,
                loop=loop,
            )
        except OSError as error:
            logger.warning("The status is not served on port %d: %s.", instance.ports["status"], error)
        time.sleep(RETRY_SECONDS)


def application(instance: Instance) -> web.Application:
    one_at_a_time = asyncio.Lock()

    async def show(request: web.Request) -> web.Response:
        seconds = _seconds(request.query.get("seconds", str(SECONDS)))
        if seconds is None or set(request.query) - {"seconds"}:
            message = f"Give no parameter but seconds, a number of more than 0 and at most {LONGEST_SECONDS}.\n"
            return web.Response(status=400, text=message)
        async with one_at_a_time:
            found = await asyncio.to_thread(status, instance, seconds)
        headers = {"Cache-Control": "no-store"}
        return web.Response(body=msgspec.json.encode(found), content_type="application/json", headers=headers)

    served = web.Application(middlewares=[front_door.middleware()])
    served.router.add_get("/_millrace/v1/status", show)
    return served


def _seconds(text: str) -> float | None:
    """Return the time limit that a client wants, or None if it is no usable number."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 < seconds <= LONGEST_SECONDS else None
