"""Cases in which Postgres fails, refuses, or is cut off."""

import random
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from millrace_local.servers.postgres import NOBODY
from tests.faults.harness.case import Case, Extent, Run, Size
from tests.faults.harness.history import Command
from tests.faults.harness.rig import DOMAIN, DROP
from tests.faults.harness.schedule import Fault
from tests.kit.servers import wait_until
from tests.kit.tcp_proxy import Cut

COMMIT = b"COMMIT\x00"
# How long the transaction with the older row stays open while younger ones are published.
LATE_SECONDS = {Extent.QUICK: 1.0, Extent.ALL: 5.0, Extent.FULL: 5.0}


def stop_immediately(run: Run) -> Sequence[Fault]:
    servers = run.rig.servers
    return [Fault(servers.stop_postgres_immediately, servers.postgres.start)] * run.size.faults


def kill_postgres(run: Run) -> Sequence[Fault]:
    postgres = run.rig.servers.postgres
    return [Fault(postgres.kill, postgres.start)] * run.size.faults


def stop_postgres(run: Run) -> Sequence[Fault]:
    """Until a few requests have ended at their timeout."""
    postgres = run.rig.servers.postgres
    return [Fault(postgres.suspend, postgres.resume, lasts=4)] * run.size.faults


def cut_connections(run: Run) -> Sequence[Fault]:
    return [Fault(run.rig.servers.to_postgres.cut)] * run.size.faults


def refuse_connections(run: Run) -> Sequence[Fault]:
    proxy = run.rig.servers.to_postgres
    return [Fault(proxy.refuse, proxy.heal)] * run.size.faults


def cut_at_commit(run: Run) -> Sequence[Fault]:
    """Cut the connection of whoever commits next: before Postgres sees it, or once it has committed."""
    proxy, chosen = run.rig.servers.to_postgres, random.Random(run.seed)  # noqa: S311 - repeatable
    cuts: list[Cut] = []
    run.figures["commits cut"] = "0"

    def cut_next() -> None:
        how = chosen.choice(list(Cut))

        def watch(chunk: bytes) -> Cut | None:
            if COMMIT not in chunk or proxy.watch is not watch:
                return None
            proxy.watch = lambda _: None
            cuts.append(how)
            run.figures["commits cut"] = f"{len(cuts)}, {cuts.count(Cut.AFTER)} of them committed"
            return how

        proxy.watch = watch

    return [Fault(cut_next)] * run.size.faults


def commits_were_cut(run: Run) -> None:
    assert int(run.figures["commits cut"].split(",")[0]) >= run.size.faults / 2


def limit_connections(run: Run) -> Sequence[Fault]:
    """Let one connection be left for all functions: the others are refused with 53300."""

    def limit(most: str) -> None:
        with run.rig.as_superuser() as connection:
            connection.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(ROLE, sql.Literal(int(most))))
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'probe_app'")

    return [Fault(lambda: limit("1"), lambda: limit("-1"))] * run.size.faults


def refusals_say_when(run: Run) -> None:
    """Clients are told that it is for now: 503 with `Retry-After`, and nothing else."""
    refused = [each for each in run.workload.attempts if each.status != 200]
    run.figures["requests refused"] = str(len(refused))
    assert {each.status for each in refused} <= {503}
    assert all(each.says_when for each in refused)


def make_read_only(run: Run) -> Sequence[Fault]:
    """As a replica or a full Aurora is: every transaction that writes is refused with 25006."""

    def switch(value: str) -> None:
        with run.rig.as_superuser() as connection:
            statement = sql.SQL("ALTER ROLE {} SET default_transaction_read_only TO {}")
            for role in (ROLE, sql.Identifier(f"{DOMAIN}_relay")):
                connection.execute(statement.format(role, sql.SQL(value)))
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'probe_%'")

    return [Fault(lambda: switch("on"), lambda: switch("off"))] * run.size.faults


def revoke_rights(run: Run) -> Sequence[Fault]:
    """Take from the role what the consumer needs, and grant it again: 42501 is no fault of any event."""

    def change(statement: bytes) -> None:
        with run.rig.as_superuser() as connection:
            connection.execute(statement)

    revoke, grant = b"REVOKE INSERT ON effects FROM probe_app", b"GRANT INSERT ON effects TO probe_app"
    return [Fault(lambda: change(revoke), lambda: change(grant))] * run.size.faults


def fill_disk(run: Run) -> Sequence[Fault]:
    """Move the effects to a small disk of their own, and fill it: 53100."""
    disk = run.rig.folder / "disk"
    ballast = disk / "ballast"

    def fill() -> None:
        with ballast.open("wb") as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
                    file.flush()
            except OSError:
                return

    give_small_disk(run, disk)
    return [Fault(fill, ballast.unlink)] * run.size.faults


def give_small_disk(run: Run, disk: Path) -> None:
    disk.mkdir()
    options = f"size=2m,uid={NOBODY},gid={NOBODY}"
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], check=True)

    def unmount() -> None:
        with psycopg.connect(run.rig.servers.superuser, autocommit=True) as connection:
            connection.execute(DROP)
            connection.execute("DROP TABLESPACE small")
        subprocess.run(["/bin/umount", disk], check=True)

    run.rig.undo_at_end(unmount)
    with run.rig.as_superuser() as connection:
        connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(disk))))
        connection.execute("ALTER TABLE effects SET TABLESPACE small")


def nothing_was_applied_meanwhile(run: Run) -> None:
    """Effects waited each time until the fault was healed, which `healed` tells a moment later."""
    query = "SELECT count(*) FROM effects WHERE applied_at BETWEEN to_timestamp(%s) AND to_timestamp(%s)"
    # What was under way when the fault began may have been committed just then.
    for begin, end in zip(run.broken, run.healed, strict=True):
        assert run.rig.rows(query, begin + 0.5, end - 0.1) == [(0,)]


def commit_late(run: Run) -> Sequence[Fault]:
    """Add a row to the outbox, and commit it seconds after younger ones were published."""
    late: list[tuple[float, Callable[[], None]]] = []

    def begin() -> None:
        command = Command(str(uuid4()), f"{run.workload.prefix}-late-{len(run.others)}", 0, acknowledged=True)
        late.append((time.monotonic(), run.rig.begin_late(command)))
        run.others.append(command)

    def commit() -> None:
        began, finish = late[-1]
        wait_until(lambda: time.monotonic() - began >= LATE_SECONDS[run.extent], what="younger rows to be published")
        finish()

    return [Fault(begin, commit)] * run.size.faults


def younger_rows_came_first(run: Run) -> None:
    """While the transaction was open, rows with higher ids were published."""
    query = """
        SELECT count(*) FROM outbox AS late JOIN outbox AS younger ON younger.id > late.id
        WHERE late.aggregate LIKE %s AND younger.published_at < late.published_at
    """
    [(overtaken,)] = run.rig.rows(query, f"%{run.workload.prefix}-late-%")
    run.figures["rows that overtook it"] = str(overtaken)
    assert overtaken > 0


ROLE = sql.Identifier(f"{DOMAIN}_app")
CASES = (
    Case(
        7,
        "Postgres stopped immediately in mid-batch",
        stop_immediately,
        quick=Size(150),
        all=Size(2000, 3),
        full=Size(10_000, 20),
    ),
    Case(7, "Postgres killed (SIGKILL)", kill_postgres, None, Size(1500, 2), Size(10_000, 20)),
    Case(7, "Postgres stopped (SIGSTOP)", stop_postgres, None, Size(1000, 2), Size(5000, 10)),
    Case(7, "connections to Postgres cut", cut_connections, Size(100, 4), Size(1500, 40), Size(10_000, 200)),
    Case(7, "connections to Postgres refused", refuse_connections, Size(100), Size(1500, 5), Size(10_000, 50)),
    Case(
        8,
        "connection cut while COMMIT is in flight",
        cut_at_commit,
        quick=Size(150, 10),
        all=Size(2000, 100),
        full=Size(5000, 200),
        verify=commits_were_cut,
    ),
    Case(
        27,
        "row committed after younger ones were published",
        commit_late,
        quick=Size(100),
        all=Size(1000, 3),
        full=Size(5000, 10),
        verify=younger_rows_came_first,
    ),
    Case(
        29,
        "connections run out",
        limit_connections,
        quick=Size(100),
        all=Size(1500, 5),
        full=Size(10_000, 50),
        verify=refusals_say_when,
    ),
    Case(
        31,
        "disk full",
        fill_disk,
        quick=None,
        all=Size(3000),
        full=Size(10_000, 5),
        needs_root="a small disk is mounted",
    ),
    Case(31, "database read-only", make_read_only, Size(100), Size(1500, 3), Size(10_000, 20)),
    Case(
        31,
        "right of the functions' role revoked",
        revoke_rights,
        quick=Size(100),
        all=Size(1500, 3),
        full=Size(10_000, 20),
        verify=nothing_was_applied_meanwhile,
    ),
)
