"""Stripe's rules for `Idempotency-Key`, and the one place where state is saved.

Stripe: "Idempotent requests" (API Reference), "Error codes" (idempotency_key_in_use).
"""

import json
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from local_stripe.state import Answer, State

type Handler = Callable[[web.Request], Awaitable[web.Response]]

# Refused before anything was executed: the client may correct the request and reuse the key.
NOT_EXECUTED = {
    None,
    "amount_too_large",
    "amount_too_small",
    "parameter_invalid_integer",
    "parameter_missing",
    "parameter_unknown",
    "resource_missing",
}


def middleware(state: State) -> Any:  # noqa: ANN401 - aiohttp's decorator is untyped here
    executing: set[str] = set()

    async def execute_once(request: web.Request, handler: Handler) -> web.Response:
        if request.method not in {"POST", "DELETE"}:
            return await handler(request)
        key = request.headers.get("Idempotency-Key")
        if not key or request.method != "POST":
            await request.read()
            answer = await _execute(state, request, handler)
            state.save()
            return answer
        name = f"{request.headers.get('Authorization')} {key}"
        if name in executing:
            message = f"Another request with the idempotency key {key} is being executed."
            return _refusal(HTTPStatus.CONFLICT, message, "idempotency_key_in_use")
        executing.add(name)
        try:
            fingerprint = _fingerprint(request, await request.read())
            if kept := state.answers.get(name):
                return _replay(kept, fingerprint, key)
            answer = await _execute(state, request, handler)
            if _was_executed(answer):
                state.answers[name] = Answer(fingerprint, answer.status, bytes(answer.body), time.time())
            # Nothing is awaited between the handler's effect and this line, so no other request can save one alone.
            state.save()
            return answer
        finally:
            executing.discard(name)

    return web.middleware(execute_once)


async def _execute(state: State, request: web.Request, handler: Handler) -> web.Response:
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception:
        state.load()  # undo a partial effect
        raise


def _fingerprint(request: web.Request, body: bytes) -> str:
    parameters = sorted(parse_qsl(body.decode(), keep_blank_values=True))
    return sha256(json.dumps([request.method, request.path_qs, parameters or body.decode()]).encode()).hexdigest()


def _replay(kept: Answer, fingerprint: str, key: str) -> web.Response:
    if kept.request != fingerprint:
        message = f"The idempotency key {key} was used for a request with another path or other parameters before."
        return _refusal(HTTPStatus.BAD_REQUEST, message, None)
    headers = {"Idempotent-Replayed": "true"}
    return web.Response(status=kept.status, body=kept.body, content_type="application/json", headers=headers)


def _was_executed(answer: web.Response) -> bool:
    if answer.status < HTTPStatus.BAD_REQUEST:
        return True
    if answer.status == HTTPStatus.UNAUTHORIZED or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return False
    return json.loads(answer.body)["error"].get("code") not in NOT_EXECUTED


def _refusal(status: HTTPStatus, message: str, code: str | None) -> web.Response:
    error = {"type": "idempotency_error", "message": message} | ({"code": code} if code else {})
    return web.json_response({"error": error}, status=status)
