"""Cases in which the records or their delivery are the fault: repeats, poison, what is too large."""

import json
from collections.abc import Sequence
from uuid import uuid4

from tests.faults.harness.case import Case, Run, Size
from tests.faults.harness.history import Command
from tests.faults.harness.probe_events import noted
from tests.faults.harness.rig import Setup
from tests.faults.harness.schedule import Fault
from tests.kit.lambda_events import request
from tests.kit.servers import wait_until

DELIVERIES = 3
THRESHOLD = 10
LETTER_HEADERS = {
    *("dlq_id", "dlq_topic", "dlq_partition", "dlq_offset", "dlq_key", "dlq_timestamp", "dlq_consumer"),
    *("dlq_error_class", "dlq_error_message", "dlq_attempts", "dlq_first_failed_at", "traceparent"),
}
# The retry budget of a partition: three attempts of two seconds.
LONGEST_STALL = 6.0


def deliver_thrice(run: Run) -> Sequence[Fault]:
    run.rig.consumer.repeats = DELIVERIES
    return []


def repeats_were_cheap(run: Run) -> None:
    """Every batch was delivered three times. How much a repeat costs is noted, and bounded loosely: most of it is the
    invocation, which the matrix's 35 % leave out.
    """
    pool = run.rig.consumer
    again, pool.repeats = pool.again_seconds / (DELIVERIES - 1), 1
    ratio = again / pool.first_seconds
    run.figures["cost of a repeat"] = f"{ratio:.0%} of a first delivery"
    assert ratio <= 1


def write_twice(run: Run) -> Sequence[Fault]:
    """Write events that no outbox has seen, each twice in a row: both are in one batch."""

    def write() -> None:
        account = f"{run.workload.prefix}-twice-{len(run.others)}"
        events = [Command(str(uuid4()), account, number, acknowledged=True) for number in range(10)]
        twice = [each for event in events for each in (event, event)]
        run.rig.write([(account.encode(), noted(each)) for each in twice])
        run.others.extend(events)

    return [Fault(write)] * run.size.faults


def write_poison(run: Run) -> Sequence[Fault]:
    """Write what cannot be read, what violates the contract, and what a bug of the handler fails for."""
    kinds = (
        b"{not json",
        json.dumps({"type": "noted", "eventId": "no id", "account": 5}).encode(),
        noted(Command(str(uuid4()), "bug", 0, acknowledged=True)),
    )

    def write(number: int) -> None:
        # Among the good records of a key.
        key = f"{run.workload.prefix}-0-{number % 6}".encode()
        value = kinds[number % len(kinds)] + b" " * number  # no two alike
        run.poison.update(run.rig.write([(key, value)]))

    return [Fault(lambda number=number: write(number)) for number in range(run.size.faults)]  # type: ignore[misc]


def letters_say_everything(run: Run) -> None:
    """Each letter has every header, and no good record of its partition waited for long."""
    headers = run.rig.letter_headers()
    assert headers
    assert all(each.keys() >= LETTER_HEADERS for each in headers)
    longest = run.longest_delay()
    run.figures["longest delay of a good event"] = f"{longest:.1f} s"
    assert longest <= LONGEST_STALL


def release_what_fails(run: Run) -> Sequence[Fault]:
    """Deploy a release of the consumer that fails for every event, and then one that works."""
    broken = [0]

    def deploy_broken() -> None:
        broken[0] += THRESHOLD
        run.rig.break_release()

    def deploy_mended() -> None:
        wait_until(lambda: run.rig.letters_in_outbox() >= broken[0], what="the breaker to open")
        run.rig.mend_release()

    return [Fault(deploy_broken, deploy_mended)] * run.size.faults


def the_breaker_opened(run: Run) -> None:
    """No more than the threshold is dead-lettered: those are known, can be redriven, and are the only ones missing."""
    letters = run.history.letters
    run.figures["dead letters"] = f"{len(letters)}, threshold {THRESHOLD}"
    assert len(letters) == THRESHOLD * run.size.faults
    wire = run.rig.wire()
    dead = {wire[place].id for place in letters}
    run.expect_dead(set(letters), dead)


def send_what_is_too_large(run: Run) -> Sequence[Fault]:
    """Put records into the outbox that no broker takes: over the producer's limit, and over the topic's."""

    def send(number: int) -> None:
        size = 2_000_000 if number % 2 else 200_000
        run.rig.add_to_outbox(Command(str(uuid4()), f"{run.workload.prefix}-0-0", -1, acknowledged=True), size)
        run.unpublishable += 1

    run.rig.configure_topic(**{"max.message.bytes": "100000"})
    return [Fault(lambda number=number: send(number)) for number in range(run.size.faults)]  # type: ignore[misc]


def commands_that_are_too_large_are_refused(run: Run) -> None:
    """413 at the edge, before anything is written; and a parked row held nobody up."""
    body = {"id": str(uuid4()), "account": "large", "sequence": 0, "padding": "x" * 300_000}
    payload = json.dumps(request(body, headers={"Idempotency-Key": str(uuid4())})).encode()
    assert json.loads(run.rig.commands.invoke(payload).payload)["statusCode"] == 413
    run.figures["rows parked"] = str(run.history.parked)
    run.rig.configure_topic(**{"max.message.bytes": "1048588"})


def hide_dead_letter_topic(run: Run) -> Sequence[Fault]:
    """Write poison while its dead-letter topic does not exist, and create it then."""

    def create() -> None:
        run.figures["letters that waited"] = str(run.rig.backlog())
        run.rig.create_topic(run.rig.dead_letter_topic)

    [poison, *_] = write_poison(run)
    return [Fault(poison.inject, create)]


def the_letter_waited(run: Run) -> None:
    assert int(run.figures["letters that waited"]) > 0


CASES = (
    Case(
        9,
        "every batch delivered three times",
        deliver_thrice,
        quick=Size(100),
        all=Size(2000),
        full=Size(20_000),
        verify=repeats_were_cheap,
    ),
    Case(10, "same event twice inside one batch", write_twice, Size(60, 3), Size(1000, 50), Size(10_000, 500)),
    Case(
        12,
        "poison among good records",
        write_poison,
        quick=Size(100, 6),
        all=Size(1500, 45),
        full=Size(10_000, 300),
        verify=letters_say_everything,
    ),
    Case(
        13,
        "everything fails: a bad release",
        release_what_fails,
        quick=Size(100),
        all=Size(1500, 2),
        full=Size(10_000, 10),
        setup=Setup(for_consumer={"BREAKER_THRESHOLD": str(THRESHOLD)}),
        verify=the_breaker_opened,
        bound=180,
    ),
    Case(
        14,
        "records that are too large",
        send_what_is_too_large,
        quick=Size(60, 2),
        all=Size(1000, 20),
        full=Size(10_000, 100),
        verify=commands_that_are_too_large_are_refused,
    ),
    Case(
        20,
        "dead-letter topic absent",
        hide_dead_letter_topic,
        quick=None,
        all=Size(500),
        full=Size(5000),
        setup=Setup(has_dead_letter_topic=False),
        verify=the_letter_waited,
    ),
)
