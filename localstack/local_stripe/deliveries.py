"""Deliver webhooks: sign each attempt, and retry with growing delays until the endpoint accepts the event.

localstripe sends an event once, and loses it if the endpoint does not accept it. Stripe: "Verify webhook signatures manually".
"""

import asyncio
import hmac
import json
import logging
import time

import aiohttp
from localstripe import resources, webhooks
from localstripe.resources import Event

from local_stripe.state import State

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 300
GIVEN_UP_AFTER_SECONDS = 3 * 24 * 3600
TIMEOUT = aiohttp.ClientTimeout(total=10)

logger = logging.getLogger("deliveries")


class Deliveries:
    def __init__(self, state: State) -> None:
        self._state = state
        self._tasks: set[asyncio.Task[None]] = set()
        resources.schedule_webhook = self.schedule

    def schedule(self, event: Event) -> None:
        """Deliver an event to every webhook endpoint that wants its type."""
        for name, webhook in webhooks._webhooks.items():  # noqa: SLF001 - the only way to them
            if webhook.events is None or event.type in webhook.events:
                self._state.undelivered.add((name, event.id))
                self._start(name, event)

    def resume(self) -> None:
        """Deliver the events that an earlier process has not delivered."""
        for name, event_id in sorted(self._state.undelivered):
            self._start(name, Event._api_retrieve(event_id))  # noqa: SLF001 - as localstripe's own server does

    def _start(self, name: str, event: Event) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(name, event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, name: str, event: Event) -> None:
        pause: float = FIRST_PAUSE_SECONDS
        while time.time() < event.created + GIVEN_UP_AFTER_SECONDS and name in webhooks._webhooks:  # noqa: SLF001
            if (name, event.id) not in self._state.undelivered or await _post(webhooks._webhooks[name], event):  # noqa: SLF001
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        self._state.undelivered.discard((name, event.id))
        self._state.save()


async def _post(webhook: webhooks.Webhook, event: Event) -> bool:
    """Send an event once. Returns whether the endpoint has accepted it."""
    payload = json.dumps(event._export())  # noqa: SLF001 - as localstripe's own server does
    headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": sign(payload, webhook.secret)}
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.post(webhook.url, data=payload, headers=headers) as answer,
        ):
            logger.info("%s %s: %d", event.type, event.id, answer.status)
            return bool(answer.ok)
    except (aiohttp.ClientError, TimeoutError) as error:
        logger.info("%s %s: %s", event.type, event.id, error)
        return False


def sign(payload: str, secret: str) -> str:
    """Return the header `Stripe-Signature` for a payload that is sent now."""
    now = int(time.time())
    return f"t={now},v1={hmac.digest(secret.encode(), f'{now}.{payload}'.encode(), 'sha256').hex()}"
