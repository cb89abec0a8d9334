"""A projection's shadow: its tables once more beside the live ones, in the schema `rebuild`, until both are swapped.

The shadow has an inbox, an outbox and breakers of its own. With the schema first in the search path, a consumer applies
events to the shadow as it does to the live tables, and its dead letters stay here. Only the database's owner makes,
swaps and drops the shadow; the application may write to it as to the live tables.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Json

from kernel.errors import ConflictError, UnprocessableError
from kernel.storage.database import Connection

SCHEMA = "rebuild"
LIVE = "public"
SEARCH_PATH = SQL("SET LOCAL search_path = {}, {}").format(Identifier(SCHEMA), Identifier(LIVE))

NONE = "There is no rebuild. Begin one with ./millrace projections rebuild."

# Rows that one statement forgets, as `kernel.messaging.forgetting` does.
FORGOTTEN_AT_ONCE = 2_000


class Shadow(NamedTuple):
    """How far the shadow is.

    *scope*: of the inbox.
    *positions*: the next offset, by partition.
    *counts*: of events, as the consumer's metrics have them.
    """

    scope: str
    tables: list[str]
    started_at: datetime
    positions: dict[int, int]
    counts: dict[str, int]


def find(connection: Connection, *, lock: bool = False) -> Shadow | None:
    """Return the database's shadow, or None if there is none.

    *lock*: until the caller's transaction ends. Raises ConflictError if another one has locked it.
    """
    [(exists,)] = connection.execute("SELECT to_regclass('rebuild.progress') IS NOT NULL")
    if not exists:
        return None
    statement = SQL("SELECT scope, tables, started_at, positions, counts FROM rebuild.progress {}")
    try:
        rows = connection.execute(statement.format(SQL("FOR UPDATE NOWAIT" if lock else ""))).fetchall()
    except psycopg.errors.LockNotAvailable as error:
        message = "Another invocation works on the rebuild at this moment. Wait for it."
        raise ConflictError(message) from error
    [(scope, tables, started_at, positions, counts)] = rows
    return Shadow(scope, tables, started_at, {int(number): offset for number, offset in positions.items()}, counts)


def create(owner: Connection, app: str, scope: str, tables: Sequence[str]) -> None:
    """Create the shadow, in the caller's transaction.

    *app*: the role that writes to it.

    Raises UnprocessableError for a table that other tables or views depend on, and for one without a primary key.
    Raises ConflictError if there is a shadow already.
    """
    try:
        owner.execute("CREATE SCHEMA rebuild")
    except psycopg.errors.DuplicateSchema as error:
        message = "There is a rebuild already. Go on with it, or discard it first."
        raise ConflictError(message) from error
    owner.execute("SET LOCAL search_path = ''")
    owner.execute(SQL("GRANT USAGE ON SCHEMA rebuild TO {}").format(Identifier(app)))
    for statement in _EDGE:
        owner.execute(SQL(statement).format(app=Identifier(app)))
    for table in tables:
        _require_alone(owner, table)
        for definition in _definitions(owner, table):
            owner.execute(definition)
    owner.execute(
        "INSERT INTO rebuild.progress (scope, tables, migrations) SELECT %s, %s, count(*) FROM public.migrations",
        (scope, list(tables)),
    )


def advance(connection: Connection, positions: Mapping[int, int], counts: Mapping[str, int]) -> None:
    """Keep how far the shadow is, in the transaction that applied the events."""
    connection.execute("UPDATE rebuild.progress SET positions = %s, counts = %s", (Json(positions), Json(counts)))


def drop(owner: Connection) -> None:
    """Drop the shadow, in the caller's transaction."""
    owner.execute("DROP SCHEMA rebuild CASCADE")


def keep_refused(connection: Connection, scope: str, ids: Sequence[Any]) -> None:
    """Take over from the live inbox that records, by *ids*, are dead letters."""
    connection.execute(
        """
        INSERT INTO rebuild.inbox (consumer, event_id)
        SELECT consumer, event_id FROM public.inbox WHERE consumer = %s AND event_id = ANY(%s)
        ON CONFLICT DO NOTHING
        """,
        (scope, list(ids)),
    )


def count_applied_by_one(connection: Connection, scope: str) -> tuple[int, int]:
    """Return how many events only the live consumer has applied, and how many only the rebuild."""
    [(live, rebuilt)] = connection.execute(
        """
        SELECT count(*) FILTER (WHERE rebuilt.event_id IS NULL), count(*) FILTER (WHERE live.event_id IS NULL)
        FROM (SELECT event_id FROM public.inbox WHERE consumer = %(scope)s) AS live
        FULL JOIN (SELECT event_id FROM rebuild.inbox WHERE consumer = %(scope)s) AS rebuilt USING (event_id)
        """,
        {"scope": scope},
    ).fetchall()
    return live, rebuilt


def stop_consumers(owner: Connection) -> None:
    """Let no consumer of the domain apply anything until the caller's transaction ends. Requests go on."""
    owner.execute("LOCK TABLE public.inbox IN SHARE ROW EXCLUSIVE MODE")


def swap(owner: Connection, shadow: Shadow) -> None:
    """Replace the live tables by the shadow's, in the caller's transaction, which `stop_consumers` began.

    The events that the shadow has applied count as applied. The former tables are dropped: people who are forgotten
    later would not be forgotten there.

    Raises ConflictError if a migration was applied since the shadow was created: it may lack what that has changed.
    """
    [(is_current,)] = owner.execute(
        "SELECT migrations = (SELECT count(*) FROM public.migrations) FROM rebuild.progress"
    ).fetchall()
    if not is_current:
        raise ConflictError(
            "A migration was applied since the rebuild began, so its tables may differ in their definitions. Nothing was "
            "swapped. Discard the rebuild, and build it again."
        )
    owner.execute(
        "INSERT INTO public.inbox (consumer, event_id) SELECT consumer, event_id FROM rebuild.inbox ON CONFLICT DO NOTHING"
    )
    lives = [Identifier(LIVE, table) for table in shadow.tables]
    owner.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(SQL(", ").join(lives)))
    for table, live in zip(shadow.tables, lives, strict=True):
        owner.execute(SQL("DROP TABLE {}").format(live))
        owner.execute(SQL("ALTER TABLE {} SET SCHEMA {}").format(Identifier(SCHEMA, table), Identifier(LIVE)))
    people = _forgotten_since(owner, shadow.started_at)
    while people and owner.execute("SELECT public.forget_people(%s, %s)", (people, FORGOTTEN_AT_ONCE)).fetchone() != (
        0,
    ):
        pass
    drop(owner)


def _forgotten_since(owner: Connection, time: datetime) -> list[Any]:
    """Return who was forgotten in the live tables while the shadow was built."""
    return [
        person
        for (person,) in owner.execute(
            """
            SELECT person::uuid FROM public.forgotten
            WHERE forgotten_at > %s - interval '2 minutes' AND pg_input_is_valid(person, 'uuid')
            """,
            (time,),
        )
    ]


def _require_alone(owner: Connection, table: str) -> None:
    name = f"{LIVE}.{table}"
    [(keys, foreign, rules)] = owner.execute(
        """
        SELECT
            count(*) FILTER (WHERE contype = 'p' AND conrelid = %(name)s::regclass),
            count(*) FILTER (WHERE contype = 'f'),
            (SELECT count(*) FROM pg_catalog.pg_depend
             WHERE refobjid = %(name)s::regclass AND classid = 'pg_catalog.pg_rewrite'::regclass)
        FROM pg_catalog.pg_constraint WHERE conrelid = %(name)s::regclass OR confrelid = %(name)s::regclass
        """,
        {"name": name},
    ).fetchall()
    if not keys or foreign or rules:
        message = (
            f"{table} cannot be swapped: a projection's table needs a primary key, and no foreign key or view may "
            "refer to it."
        )
        raise UnprocessableError(message)


def _definitions(owner: Connection, table: str) -> Iterator[sql.Composed]:
    """Yield the statements that make the shadow of *table*, with the names of its indexes and constraints."""
    live, own = Identifier(LIVE, table), Identifier(SCHEMA, table)
    yield SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES)").format(own, live)
    parameters = {"name": f"{LIVE}.{table}"}
    place = SQL(" ON {} ")
    before, after = place.format(live).as_string(owner), place.format(own).as_string(owner)
    plain_before, plain_after = f" ON {LIVE}.{table} ", f" ON {SCHEMA}.{table} "
    for name, definition in owner.execute(_CONSTRAINTS, parameters).fetchall():
        text = SQL(definition)
        yield SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(own, Identifier(name), text)
    for query in (_INDEXES, _TRIGGERS):
        for (definition,) in owner.execute(query, parameters).fetchall():
            moved = definition.replace(before, after, 1).replace(plain_before, plain_after, 1)
            yield SQL("{}").format(SQL(moved))
    for role, privilege, columns in owner.execute(_GRANTS, parameters).fetchall():
        of = SQL("({})").format(SQL(", ").join(map(Identifier, columns))) if columns else SQL("")
        yield SQL("GRANT {} {} ON {} TO {}").format(SQL(privilege), of, own, Identifier(role))


_EDGE = (
    "CREATE TABLE rebuild.inbox (LIKE public.inbox INCLUDING DEFAULTS, PRIMARY KEY (consumer, event_id))",
    "GRANT SELECT, INSERT ON rebuild.inbox TO {app}",
    "CREATE TABLE rebuild.outbox (LIKE public.outbox INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING GENERATED)",
    "GRANT SELECT, INSERT ON rebuild.outbox TO {app}",
    "CREATE TABLE rebuild.breakers (LIKE public.breakers INCLUDING ALL)",
    "GRANT SELECT, INSERT, UPDATE ON rebuild.breakers TO {app}",
    """
    CREATE TABLE rebuild.progress (
        alone      boolean     PRIMARY KEY DEFAULT true CHECK (alone),
        scope      text        NOT NULL,
        tables     text[]      NOT NULL,
        migrations bigint      NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now(),
        positions  jsonb       NOT NULL DEFAULT '{{}}',
        counts     jsonb       NOT NULL DEFAULT '{{}}'
    )
    """,
    "GRANT SELECT, UPDATE ON rebuild.progress TO {app}",
)
_CONSTRAINTS = """
    SELECT conname, pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint
    WHERE conrelid = %(name)s::regclass AND contype IN ('p', 'u', 'x') ORDER BY conname
"""
_INDEXES = """
    SELECT pg_catalog.pg_get_indexdef(indexrelid) FROM pg_catalog.pg_index
    WHERE indrelid = %(name)s::regclass
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = indexrelid)
    ORDER BY indexrelid
"""
_TRIGGERS = """
    SELECT pg_catalog.pg_get_triggerdef(oid) FROM pg_catalog.pg_trigger
    WHERE tgrelid = %(name)s::regclass AND NOT tgisinternal ORDER BY tgname
"""
_GRANTS = """
    SELECT grantee::regrole::text, privilege_type, NULL::text[] FROM pg_catalog.pg_class, aclexplode(relacl)
    WHERE oid = %(name)s::regclass AND grantee <> relowner
    UNION ALL
    SELECT grantee::regrole::text, privilege_type, array_agg(attname::text)
    FROM pg_catalog.pg_attribute, aclexplode(attacl)
    WHERE attrelid = %(name)s::regclass GROUP BY 1, 2
"""
