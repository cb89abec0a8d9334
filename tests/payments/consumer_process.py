"""The payments consumer in a process of its own, which may be killed."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import forkserver, get_context
from multiprocessing.process import BaseProcess
from typing import Any

import psycopg
import pytest

from payments import gateway, on_order_events
from tests.kit.lambda_events import Context

# Its processes begin with the modules that are imported above, and with nothing of the tests' own process.
_processes = get_context("forkserver")
_processes.set_forkserver_preload([__name__])
VARIABLES = (
    *("TOPIC", "CONSUMER_GROUP", "DEAD_LETTER_TOPIC", "DATABASE_URL_PAYMENTS", "STRIPE_API_BASE"),
    *("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
)


@contextmanager
def consuming(batch: dict[str, Any], *, fatal_statement: int | None = None) -> Iterator[BaseProcess]:
    """A process that takes *batch*, and kills itself before its statement of that number (from 1), if it has one.

    It waits for Stripe as long as it takes. What is left of it when the block ends is killed.
    """
    with pytest.MonkeyPatch.context() as patch:
        # The server that the processes are forked from imports before it is told where from.
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        forkserver.ensure_running()
    variables = {name: os.environ[name] for name in VARIABLES} | {"DEFAULT_PAYMENT_METHOD": "pm_card_visa"}
    process = _processes.Process(target=_consume, args=(batch, variables, fatal_statement))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _consume(batch: dict[str, Any], variables: Mapping[str, str], fatal_statement: int | None) -> None:
    os.environ.update(variables)
    gateway.TIMEOUT_SECONDS = 60
    if fatal_statement is not None:
        _die_before(fatal_statement)
    on_order_events.handler(batch, Context(milliseconds=600_000))


def _die_before(number: int) -> None:
    execute = psycopg.Cursor.execute
    left = iter(range(number - 1, -1, -1))

    def count(cursor: psycopg.Cursor[Any], *arguments: Any, **options: Any) -> psycopg.Cursor[Any]:  # noqa: ANN401 - passed on
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(cursor, *arguments, **options)

    psycopg.Cursor.execute = count  # type: ignore[method-assign, assignment]
