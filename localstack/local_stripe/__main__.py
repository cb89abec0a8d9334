"""The local Stripe's server: localstripe's routes behind ours."""

import logging

from aiohttp import web
from localstripe import resources, server, webhooks

from local_stripe import (
    amounts,
    api_keys,
    cards,
    charges,
    disputes,
    errors,
    front_door,
    idempotency,
    lists,
    payment_intents,
    refunds,
    state,
)
from local_stripe.deliveries import Deliveries
from local_stripe.settings import HOST, Settings

WEBHOOK_EVENTS = [f"payment_intent.{what}" for what in ("succeeded", "payment_failed", "canceled")]
WEBHOOK_EVENTS += ["charge.refunded", "charge.refund.updated"]
WEBHOOK_EVENTS += [f"refund.{what}" for what in ("created", "updated", "failed")]
WEBHOOK_EVENTS += [
    f"charge.dispute.{what}" for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
]
# localstripe deletes everything; Stripe deletes no record of money that was moved.
NEVER_DELETED = {f"/v1/{kind}/{{id}}" for kind in ("charges", "events", "payment_intents", "refunds")}


def application(settings: Settings) -> web.Application:
    state.disable_localstripes_file()
    _extend_localstripe()
    kept = state.State(settings.state)
    kept.load()
    deliveries = Deliveries(kept)
    api_key, webhook_secret = settings.credentials()
    webhooks.register_webhook("millrace", settings.webhook_url, webhook_secret, WEBHOOK_EVENTS)

    async def resume(_: web.Application) -> None:
        deliveries.resume()
        refunds.resume()

    async def forget(_: web.Request) -> web.Response:
        kept.clear()
        return web.Response()

    rules = [idempotency.middleware(kept), server.error_middleware, api_keys.middleware(api_key)]
    application = web.Application(middlewares=[front_door.middleware(), *rules])
    application.on_startup.append(resume)
    application.router.add_delete("/_config/data", forget)
    _add_routes(application.router)
    return application


def _extend_localstripe() -> None:
    amounts.install()
    cards.install()
    charges.install()
    payment_intents.install()
    disputes.install()
    refunds.install()
    lists.install()
    resources.StripeObject._api_retrieve = classmethod(_retrieve)  # noqa: SLF001 - that is how it is extended


def _retrieve(cls: type[resources.StripeObject], name: str) -> resources.StripeObject:
    found = resources.store.get(f"{cls.object}:{name}")
    if found is None:
        raise errors.resource_missing(cls.object, name)
    return found


def _add_routes(router: web.UrlDispatcher) -> None:
    """Ours first: of two routes for one path, the first is taken."""
    one = "/v1/payment_intents/{id}"
    router.add_get("/_millrace/health", _health)
    router.add_post(f"{one}/confirm", server.api_extra(payment_intents.confirm, one))
    router.add_post(f"{one}/cancel", server.api_extra(payment_intents.cancel, one))
    router.add_post(f"{one}/capture", server.api_extra(payment_intents.capture, one))
    router.add_get("/v1/payment_intents/search", server.api_extra(payment_intents.search, one))
    disputes.add_routes(router)
    for route in server.app.router.routes():
        if route.method == "DELETE" and route.resource.canonical in NEVER_DELETED:
            continue
        router.add_route(route.method, route.resource.canonical, route.handler)


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"status": "UP"})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    own = Settings.from_environment()
    web.run_app(application(own), host=HOST, port=own.port, print=None)
