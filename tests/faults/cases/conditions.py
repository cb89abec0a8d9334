"""Cases in which nothing breaks, and the circumstances are the fault: clocks, members, relays, hot keys, passwords."""

import threading
from collections.abc import Sequence
from uuid import uuid4

from psycopg import sql

from tests.faults.cases.broker import percentile
from tests.faults.cases.functions import kill_relay_anywhere, no_request_failed, nothing
from tests.faults.harness.case import Case, Extent, Run, Size
from tests.faults.harness.rig import DOMAIN, Setup
from tests.faults.harness.schedule import Fault
from tests.kit.servers import wait_until

SKEW_SECONDS = 600
# The suite has no time for pauses of two seconds.
LEAST_CHANGES = 2
PAUSE_SECONDS = {Extent.QUICK: 0.5, Extent.ALL: 2.0, Extent.FULL: 2.0}


def clocks_differed(run: Run) -> None:
    """The consumer's host was ten minutes ahead of the database's. Its relay's was as much behind."""
    [(ahead,)] = run.rig.rows("SELECT min(extract(epoch FROM clock - applied_at)) FROM effects")
    run.figures["consumer's clock"] = f"{ahead:+.0f} s"
    assert abs(float(ahead) - SKEW_SECONDS) < 60


def rebalance(run: Run) -> Sequence[Fault]:
    """Let another member join the group and leave it again, in turn."""
    over = threading.Event()
    changes = [0]

    def alternate() -> None:
        while not over.wait(PAUSE_SECONDS[run.extent]):
            (run.rig.remove_mapping if changes[0] % 2 else run.rig.add_mapping)()
            changes[0] += 1
        if changes[0] % 2:
            run.rig.remove_mapping()

    thread = threading.Thread(target=alternate)

    def end() -> None:
        wait_until(lambda: changes[0] >= LEAST_CHANGES, what="members to come and go")
        over.set()
        thread.join()
        run.figures["rebalances"] = str(changes[0])

    return [Fault(thread.start, end)]


def members_came_and_went(run: Run) -> None:
    assert int(run.figures["rebalances"]) >= LEAST_CHANGES


def nothing_was_published_twice(run: Run) -> None:
    wire = run.history.wire
    assert len(wire) == len({each.id for each in wire})


def note_delays(run: Run) -> None:
    """Compare how long events of the hot key took with those of the other keys."""
    delays = run.delays()
    hot = f"{run.workload.prefix}-0-0"
    share = len(delays[hot]) / sum(map(len, delays.values()))
    others = [seconds for key, several in delays.items() if key != hot for seconds in several]
    run.figures["share of the hot key"] = f"{share:.0%}"
    run.figures["p99 of its events, of others"] = (
        f"{percentile(delays[hot], 0.99):.2f} s, {percentile(others, 0.99):.2f} s"
    )
    assert share > 0.4


def rotate_passwords(run: Run) -> Sequence[Fault]:
    """Change both roles' passwords and their secrets, and end every session, so that each has to log in again."""

    def rotate() -> None:
        with run.rig.as_superuser() as connection:
            with connection.transaction():
                for role in ("app", "relay"):
                    name, password = f"{DOMAIN}_{role}", uuid4().hex
                    statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
                    connection.execute(statement.format(sql.Identifier(name), sql.Literal(password)))
                    run.rig.put_secret(name, password)
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'probe_%'")

    def rotate_between_requests() -> None:
        run.workload.wait_until_idle()
        rotate()

    return [Fault(rotate_between_requests)] * run.size.faults


CASES = (
    Case(
        16,
        "clocks ten minutes apart",
        nothing,
        quick=Size(60),
        all=Size(2000),
        full=Size(10_000),
        setup=Setup(consumer_skew=SKEW_SECONDS, relay_skew=-SKEW_SECONDS),
        verify=clocks_differed,
    ),
    Case(
        25,
        "rebalance every two seconds",
        rebalance,
        quick=Size(150),
        all=Size(2500),
        full=Size(20_000),
        verify=members_came_and_went,
        bound=180,
    ),
    Case(
        26,
        "four relays at once",
        nothing,
        quick=None,
        all=Size(2000),
        full=Size(20_000),
        setup=Setup(relays=4),
        verify=nothing_was_published_twice,
    ),
    Case(
        26,
        "four relays under kills",
        kill_relay_anywhere,
        quick=None,
        all=Size(2000, 20),
        full=Size(20_000, 200),
        setup=Setup(relays=4),
    ),
    Case(28, "hot key", nothing, Size(100), Size(2500), Size(20_000), verify=note_delays, hot=0.5),
    Case(
        35,
        "database passwords rotated under load",
        rotate_passwords,
        quick=Size(60, 2),
        all=Size(1500, 20),
        full=Size(10_000, 100),
        setup=Setup(has_secrets=True),
        verify=no_request_failed,
    ),
)
