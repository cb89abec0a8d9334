"""Cases in which functions die, hang, or run out of time or connections."""

import signal
from collections.abc import Sequence
from functools import partial

from tests.faults.harness.case import Case, Run, Size
from tests.faults.harness.rig import Setup
from tests.faults.harness.schedule import Fault
from tests.kit.servers import wait_until

# The last faults of a schedule may find nobody who does anything.
LEAST_DEATHS = 0.8


def die_at(run: Run, *points: str) -> list[Fault]:
    """Let one process die at each of *points* in turn, as often as the size says."""
    several = [points[number % len(points)] for number in range(run.size.faults)]
    return [Fault(partial(run.rig.trigger, point), partial(wait_for_death, run, point)) for point in several]


def wait_for_death(run: Run, point: str) -> None:
    """Wait until a process has died at *point*, so that each fault is one. In the end there may be nobody to die."""
    wait_until(
        lambda: run.rig.has_triggered(point) or (run.workload.ended and run.rig.is_drained()),
        seconds=120,
        what=f"a process to die: {point}",
    )


def kill_commands(run: Run) -> Sequence[Fault]:
    return die_at(run, "command after commit", "command before commit")


def commands_died(run: Run) -> None:
    """Processes did die, and no relay had to repeat anything."""
    deaths = [len(run.rig.deaths(f"command {when} commit")) for when in ("before", "after")]
    run.figures["processes that died"] = str(sum(deaths))
    assert min(deaths) > 0
    assert sum(deaths) >= run.size.faults * LEAST_DEATHS
    assert len(run.history.wire) == len({each.id for each in run.history.wire})


def kill_relay(run: Run) -> Sequence[Fault]:
    return die_at(run, "relay after publishing")


def what_was_published_is_repeated(run: Run) -> None:
    """The wire has exactly the batches again whose relay died before its mark."""
    batches = run.rig.deaths("relay after publishing")
    run.figures["relays that died"] = str(len(batches))
    wire = run.history.wire
    assert len(batches) >= run.size.faults * LEAST_DEATHS
    assert len(wire) - len({each.id for each in wire}) == sum(batches)


def kill_relay_anywhere(run: Run) -> Sequence[Fault]:
    return [Fault(lambda: [relay.pool.kill() for relay in run.rig.relays])] * run.size.faults


def stop_relay(run: Run) -> Sequence[Fault]:
    pool = run.rig.relays[0].pool
    return [Fault(lambda: pool.kill(signal.SIGSTOP), lambda: pool.kill(signal.SIGCONT))] * run.size.faults


def kill_consumer(run: Run) -> Sequence[Fault]:
    return die_at(run, "consumer before commit", "consumer after commit")


def consumers_died(run: Run) -> None:
    deaths = [len(run.rig.deaths(f"consumer {when} commit")) for when in ("before", "after")]
    run.figures["processes that died"] = str(sum(deaths))
    assert min(deaths) > 0
    assert sum(deaths) >= run.size.faults * LEAST_DEATHS


def kill_consumer_anywhere(run: Run) -> Sequence[Fault]:
    return [Fault(run.rig.consumer.kill)] * run.size.faults


def stop_consumer(run: Run) -> Sequence[Fault]:
    """A function that hangs is ended by Lambda at its timeout, and its batch is delivered again."""
    return [Fault(lambda: run.rig.consumer.kill(signal.SIGSTOP))] * run.size.faults


def nothing(_run: Run) -> Sequence[Fault]:
    return []


def no_invocation_timed_out(run: Run) -> None:
    """A batch that takes longer than the function may is applied in parts, and the rest is given back."""
    assert "Sandbox.Timedout" not in run.rig.consumer.endings
    assert run.rig.consumer.partial > 0
    run.figures["batches done in parts"] = str(run.rig.consumer.partial)


def cut_idle_sessions(run: Run) -> Sequence[Fault]:
    """Freeze the functions between two requests, and cut their sessions meanwhile: they wake with dead sockets."""
    pool = run.rig.commands

    def freeze() -> None:
        run.workload.wait_until_idle()
        pool.kill(signal.SIGSTOP)
        run.rig.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'probe_app'")
        pool.kill(signal.SIGCONT)

    return [Fault(freeze)] * run.size.faults


def no_request_failed(run: Run) -> None:
    assert {each.status for each in run.workload.attempts} == {200}
    assert len(run.workload.attempts) == len(run.workload.sent)


CASES = (
    Case(
        3,
        "function killed between commit and answer",
        kill_commands,
        quick=Size(100, 2),
        all=Size(1500, 20),
        full=Size(10_000, 200),
        verify=commands_died,
    ),
    Case(
        4,
        "relay killed after the broker's acknowledgement",
        kill_relay,
        quick=Size(100, 2),
        all=Size(1500, 20),
        full=Size(10_000, 100),
        verify=what_was_published_is_repeated,
    ),
    Case(4, "relay killed anywhere", kill_relay_anywhere, None, Size(1500, 15), Size(10_000, 100)),
    Case(4, "relay stopped (SIGSTOP)", stop_relay, None, Size(1500, 2), Size(5000, 10)),
    Case(
        5,
        "consumer killed before and after its commit",
        kill_consumer,
        quick=Size(100, 2),
        all=Size(1500, 20),
        full=Size(20_000, 1000),
        verify=consumers_died,
        bound=180,
    ),
    Case(5, "consumer killed anywhere", kill_consumer_anywhere, None, Size(1500, 20), Size(20_000, 1000), bound=180),
    Case(
        5,
        "consumer stopped (SIGSTOP)",
        stop_consumer,
        None,
        Size(1000, 2),
        Size(5000, 10),
        setup=Setup(consumer_timeout=10),
        bound=180,
    ),
    Case(
        6,
        "batch longer than the function's time",
        nothing,
        quick=None,
        all=Size(400),
        full=Size(4000),
        setup=Setup("consume_each", consumer_timeout=4, for_consumer={"SECONDS_PER_EVENT": "0.1"}),
        verify=no_invocation_timed_out,
        bound=600,
    ),
    Case(
        30,
        "frozen functions wake with dead sockets",
        cut_idle_sessions,
        quick=Size(100, 4),
        all=Size(1500, 40),
        full=Size(10_000, 500),
        verify=no_request_failed,
    ),
)
