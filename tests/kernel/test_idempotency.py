"""Idempotency-Key: whatever happens, the work is done once and answered alike."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import LiteralString
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest

from kernel import ids
from kernel.errors import ConflictError
from kernel.storage.cache import Cache
from kernel.storage.database import transaction
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply
from millrace_local.instance import ROOT
from tests.kit.api import Answer, call, in_domain
from tests.kit.databases import Database
from tests.kit.servers import wait_until


class Thing(msgspec.Struct, frozen=True):
    name: str
    fail: bool = False


during_work: list[Callable[[], object]] = []


@in_domain("activity")
@endpoint(status=HTTPStatus.CREATED, idempotent=True)
def add(request: Request[Thing]) -> Reply:
    with transaction("activity") as connection:
        number = ids.new()
        connection.execute("INSERT INTO things (id, name) VALUES (%s, %s)", (number, request.body.name))
        for work in during_work:
            work()
        if request.body.fail:
            raise ConflictError("There is something against it.")
    return Reply({"id": number, "name": request.body.name}, headers={"Location": f"things/{number}"})


@in_domain("activity")
@endpoint(status=HTTPStatus.CREATED, scope="user", idempotent=True)
def add_mine(request: Request[Thing]) -> dict[str, UUID]:
    return {"owner": request.user_id, "id": ids.new()}


@pytest.fixture
def things(activity: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with a table of things, used by as many environments as there are threads."""
    monkeypatch.setattr(sys.modules[__name__], "during_work", [])
    with activity.connect() as connection:
        connection.execute("CREATE TABLE things (id uuid PRIMARY KEY, name text NOT NULL)")
    return activity


def post(key: str, name: str = "thing", **more: object) -> Answer:
    return call(add, "POST", {"name": name, **more}, headers={"Idempotency-Key": key})


def count(things: Database) -> int:
    [(found,)] = things.rows("SELECT count(*) FROM things")
    return int(found)


def test_the_same_request_gets_the_same_answer(things: Database) -> None:
    """Status, body and the function's headers; one row; and it says that it is a repetition."""
    key = str(uuid4())
    first, second, third = (post(key) for _ in range(3))
    assert "Idempotency-Replayed" not in first.headers
    for again in (second, third):
        assert (again.status, again.body) == (201, first.body)
        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Content-Type"] == first.headers["Content-Type"]
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert count(things) == 1


def test_another_body_under_the_same_key_is_refused(things: Database) -> None:
    """422, and neither is done nor forgotten."""
    key = str(uuid4())
    first = post(key)
    assert post(key, "another thing").status == 422
    assert post(key).body == first.body
    assert count(things) == 1


def test_without_a_key_every_request_is_done(things: Database) -> None:
    """And nothing is recorded."""
    for _ in range(2):
        assert call(add, "POST", {"name": "thing"}).status == 201
    assert count(things) == 2
    assert things.rows("SELECT FROM idempotency_keys") == []


def test_a_refusal_is_not_recorded(things: Database) -> None:
    """What was refused can be asked again under the same key, when it is right or the time is."""
    key = str(uuid4())
    assert post(key, fail=True).status == 409
    assert call(add, "POST", {"name": 5}, headers={"Idempotency-Key": key}).status == 400
    assert things.rows("SELECT FROM idempotency_keys") == []
    assert post(key).status == 201
    assert count(things) == 1


@pytest.mark.parametrize("key", ["short", "", "x" * 256, "with a space in it", "ünïcödé-ünïcödé"])
def test_an_unusable_key_is_refused(things: Database, key: str) -> None:
    """400: on a public route, a key must also be long enough that nobody comes upon it."""
    assert post(key).status == 400
    assert count(things) == 0


def test_users_have_their_own_keys(things: Database, sign_in: Callable[..., dict[str, str]]) -> None:
    """The same key of another user is another request; a user's may be short."""
    one, other = sign_in(uuid4()), sign_in(uuid4())

    def ask(headers: dict[str, str]) -> Answer:
        return call(add_mine, "POST", {"name": "thing"}, headers={**headers, "Idempotency-Key": "1"})

    assert ask(one).body == ask(one).body
    assert ask(one).body != ask(other).body


def test_routes_have_their_own_keys(things: Database) -> None:
    """A path's parameters are part of the request: the same key at another document is a 422."""
    key = {"Idempotency-Key": str(uuid4())}
    assert call(add, "POST", {"name": "thing"}, headers=key, path={"id": "1"}).status == 201
    assert call(add, "POST", {"name": "thing"}, headers=key, path={"id": "2"}).status == 422


def test_requests_at_once_are_done_once(things: Database) -> None:
    """Sixteen environments with the same request: all answer alike, one row."""
    key = str(uuid4())
    during_work.append(lambda: time.sleep(0.05))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: post(key), range(16)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 15
    assert count(things) == 1


def test_whoever_waits_for_a_request_that_fails_does_it(things: Database) -> None:
    """The first one's database connection is cut in the middle: the second, which waited, does the work."""
    key = str(uuid4())
    begun = threading.Event()

    def first_only() -> None:
        during_work.clear()
        begun.set()
        wait_until(lambda: session(things, "wait_event_type = 'Lock'"), what="the second request to wait")
        with psycopg.connect(things.server) as superuser:
            superuser.execute("SELECT pg_terminate_backend(%s)", session(things, "query LIKE '%%INTO things%%'"))

    during_work.append(first_only)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(post, key)
        assert begun.wait(5)
        second = pool.submit(post, key)
        assert (first.result().status, second.result().status) == (503, 201)
    assert count(things) == 1
    assert post(key).body == second.result().body


def session(things: Database, condition: LiteralString) -> tuple[int] | None:
    """The process of a session for which it is true, as a superuser sees it."""
    others: LiteralString = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = %s"
    with psycopg.connect(things.server) as superuser:
        return superuser.execute(f"{others} AND {condition}", (things.name,)).fetchone()


KILLED = """
import os, sys
from tests.kernel import test_idempotency as tested
point, key = sys.argv[1:]
if point == "before the commit":
    tested.during_work.append(lambda: os._exit(9))
tested.post(key)
os._exit(9)
"""


@pytest.mark.parametrize(("point", "left"), [("before the commit", 0), ("before the answer", 1)])
def test_a_function_that_dies_leaves_all_or_nothing(things: Database, point: str, left: int) -> None:
    """Killed between work and commit, nothing is there and the retry does it; after the commit, it is answered."""
    key = str(uuid4())
    path = os.pathsep.join(str(ROOT / part) for part in ("functions", "layers/shared", "localstack", ""))
    died = subprocess.run(
        [sys.executable, "-c", KILLED, point, key], env={**os.environ, "PYTHONPATH": path}, check=False
    )
    assert died.returncode == 9
    assert count(things) == left
    retried = post(key)
    assert retried.status == 201
    assert ("Idempotency-Replayed" in retried.headers) == bool(left)
    assert things.rows("SELECT id::text FROM things") == [(retried.body["id"],)]


def test_a_cached_value_is_forgotten_after_the_whole_transaction(
    things: Database, redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the function's own transaction has ended by then: others cannot see its work before the outer one has."""
    monkeypatch.setenv("REDIS_URL", redis)
    number = Cache(f"number-{uuid4()}", int, seconds=60)
    seen: list[tuple[int, int | None]] = []

    @in_domain("activity")
    @endpoint(idempotent=True)
    def change(request: Request[Thing]) -> None:
        with transaction("activity") as connection:
            connection.execute("INSERT INTO things (id, name) VALUES (%s, %s)", (ids.new(), request.body.name))
        number.invalidate(1)
        seen.append((count(things), number.get_or_load(1, lambda: count(things))))

    assert call(change, "POST", {"name": "thing"}, headers={"Idempotency-Key": str(uuid4())}).status == 200
    assert seen == [(0, 0)]
    assert number.get_or_load(1, lambda: count(things)) == 1


def test_the_key_itself_is_not_stored(things: Database) -> None:
    """Nor the body: a leaked table does not let anybody ask for an answer, or guess a password."""
    key = str(uuid4())
    post(key, "a secret name")
    [(row, fingerprint)] = things.rows("SELECT (idempotency_keys.*)::text, fingerprint FROM idempotency_keys")
    assert key not in row
    assert len(fingerprint) == 32


def test_old_keys_are_forgotten_and_young_ones_kept(things: Database) -> None:
    """Only the relay may do it, and never within a day."""
    old, young = str(uuid4()), str(uuid4())
    post(old)
    things.rows("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' RETURNING key_hash")
    post(young)
    with things.connect("relay") as connection:
        [pruned] = connection.execute("SELECT prune_idempotency_keys('1 second')").fetchone() or ()
    assert pruned == 1
    assert "Idempotency-Replayed" not in post(old).headers
    assert "Idempotency-Replayed" in post(young).headers
