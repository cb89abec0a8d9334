"""Cases in which an operator's command is killed: a replay of archived events, and a redrive of dead letters."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

from confluent_kafka import Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.faults.harness.case import Case, Extent, Run, Size
from tests.faults.harness.history import Command
from tests.faults.harness.operator import Begun, Operator
from tests.faults.harness.probe_events import STILL_BAD, TYPE, noted
from tests.faults.harness.rig import Setup
from tests.faults.harness.schedule import Fault
from tests.kit import topics
from tests.kit.servers import wait_until

# How many there are before clients begin, and how fast the command may be, so that it is killed on its way.
ARCHIVED = {Extent.QUICK: 2000, Extent.ALL: 20_000, Extent.FULL: 100_000}
LETTERS = {Extent.QUICK: 500, Extent.ALL: 2000, Extent.FULL: 10_000}
RATES = {Extent.QUICK: "500/s", Extent.ALL: "4000/s", Extent.FULL: "10000/s"}
KEYS, BAD_KEYS, BAD_EVERY = 50, 5, 10
MAX_REDRIVES = 5
SENDERS = "probe-senders"
LONGEST_SECONDS = 1200

type Place = tuple[int, int]


class Old(NamedTuple):
    """An event from before. *is_bad*: a release that is mended in part cannot apply it either."""

    command: Command
    place: Place
    is_bad: bool


class KilledReplay:
    """Events that an archive alone has are replayed while clients work. The command is killed again and again.

    The consumer is a projection that has to be rebuilt. Another one has sent something for each event.
    """

    def begin(self, run: Run) -> Sequence[Fault]:
        rig, count = run.rig, ARCHIVED[run.extent]
        rig.add_consumer("send", SENDERS)
        operator = Operator(rig)
        self.old = _write(run, count)
        _settle(run)
        assert operator.run("archive_events")["records"] == count
        self.archived = _contents(topics.read(rig.servers.bootstrap, rig.topic))
        _delete_records(run)
        with rig.as_superuser() as connection:
            connection.execute("TRUNCATE effects")
            connection.execute("DELETE FROM inbox")
        options = {"topic": rig.topic, "source": "archive", "rate": RATES[run.extent]}
        return _kills(run, operator.begin("replay_events", execute=True, expect=count, **options), count)

    def verify(self, run: Run) -> None:
        """The same bytes are there once, in order; nothing is sent twice; the projection is that of the archive."""
        rig = run.rig
        _settle(run)
        read = topics.read(rig.servers.bootstrap, rig.topic)
        _require_same([each for each in read if "replay_id" in _headers(each)], self.archived)
        sent = [str(id_) for (id_,) in rig.rows("SELECT event_id FROM sendings")]
        assert len(sent) == len(set(sent)) == len(run.history.commands)
        state = _fold(self.archived)
        assert dict(rig.rows(PROJECTION, list(state))) == state
        run.figures["archived"] = f"{len(self.old):,}"
        run.figures["sent again"] = "0"


class KilledRedrive:
    """Dead letters of a bad release are redriven while clients work. The command is killed again and again.

    One in a hundred is still bad. *is_ordered*: whether the consumer lets later records of a key wait.
    """

    def __init__(self, *, is_ordered: bool) -> None:
        self.is_ordered = is_ordered

    def begin(self, run: Run) -> Sequence[Fault]:
        rig, count = run.rig, LETTERS[run.extent]
        self.operator = Operator(rig, ordered=self.is_ordered)
        rig.break_release()
        self.old = _write(run, count, BAD_KEYS)
        _settle(run)
        rig.mend_release()
        begun = self.operator.begin("redrive_dead_letters", execute=True, expect=count, rate=RATES[run.extent])
        return _kills(run, begun, count)

    def verify(self, run: Run) -> None:
        """What is still bad is a letter again after each redrive, once, until it is parked. All else is applied."""
        rig = run.rig
        self._were_published_once(run)
        staying = sorted(each.place for each in self._staying())
        for count in range(1, MAX_REDRIVES + 1):
            if count > 1:
                self.operator.run("redrive_dead_letters", execute=True, expect=len(staying))
                _settle(run)
            assert sorted(_failed_again(run, count)) == staying
        plan = self.operator.run("redrive_dead_letters")
        assert plan["count"] == 0
        assert f"{len(staying)} are parked after {MAX_REDRIVES} redrives" in plan["notes"][0]
        run.figures["dead letters"] = f"{len(self.old):,}"
        run.figures["again after each redrive"] = f"{len(staying):,}, then parked"
        if self.is_ordered:
            rig.mend_everything()
            options = {"execute": True, "expect": len(staying), "max_redrives": MAX_REDRIVES + 1}
            self.operator.run("redrive_dead_letters", **options)
            _settle(run)
            staying = []
        again = {(int(each["dlq_partition"]), int(each["dlq_offset"])) for each in _redriven_letters(run)}
        poison = frozenset(again.union(each.place for each in self.old))
        left = {each.command.id for each in self.old if each.place in staying}
        commands = [each for each in (*run.workload.sent, *run.others) if each.id not in left]
        run.history = replace(rig.history(commands), poison=poison)

    def _were_published_once(self, run: Run) -> None:
        """Every letter is on its topic once more: the same key and bytes in the same partition, in the order of old."""
        read = topics.read(run.rig.servers.bootstrap, run.rig.topic)
        originals = [each for each in read if "redrive_id" not in _headers(each)]
        of_old = {each.place for each in self.old}
        expected = _contents([each for each in originals if (each.partition(), each.offset()) in of_old])
        _require_same([each for each in read if _headers(each).get("redrive_count") == b"1"], expected)

    def _staying(self) -> list[Old]:
        """Return those that become dead letters again: bad ones, and in an ordered consumer those behind them."""
        held_up = set[str]()
        found = []
        for each in self.old:
            if each.is_bad or (self.is_ordered and each.command.key in held_up):
                held_up.add(each.command.key)
                found.append(each)
        return found


# The events of each account in the order in which they were applied.
PROJECTION = """
    SELECT account, encode(sha256(string_agg(event_id::text, ' ' ORDER BY place)::bytea), 'hex')
    FROM effects WHERE account = ANY(%s) GROUP BY account
"""
# A dead letter gets a `traceparent` only if its record has none.
OTHER_HEADERS = [("traceparent", f"00-{'1' * 32}-{'2' * 16}-01".encode()), ("h", b"\xff")]
# Headers that commands add. A redriven record keeps those of its letter, from which another failure counts on.
MARKS = ("replay_", "redrive_", "for_consumer", "dlq_")


def _write(run: Run, count: int, bad_keys: int = 0) -> list[Old]:
    """Write events to the topic, with the headers that the product's have. Returns them as they were written.

    *bad_keys*: how many keys have bad ones.
    """
    places: dict[str, Place] = {}

    def note(id_: str, error: object, message: Message) -> None:
        assert error is None, error
        places[id_] = message.partition() or 0, message.offset() or 0

    options = {"bootstrap.servers": run.rig.servers.bootstrap, "queue.buffering.max.messages": count}
    producer = Producer(options)
    written: list[tuple[Command, bool]] = []
    for number in range(count):
        sequence, key = divmod(number, KEYS)
        command = Command(str(uuid4()), f"{run.workload.prefix}-old-{key}", sequence, acknowledged=True)
        is_bad = key < bad_keys and sequence % BAD_EVERY == BAD_EVERY // 2
        headers = [("ce_id", command.id.encode()), ("ce_type", TYPE.encode()), *OTHER_HEADERS]
        value = noted(command, STILL_BAD if is_bad else 0)
        producer.produce(run.rig.topic, value, command.key, headers=headers, on_delivery=partial(note, command.id))
        written.append((command, is_bad))
    assert producer.flush(60) == 0
    run.others.extend(command for command, _ in written)
    return [Old(command, places[command.id], is_bad) for command, is_bad in written]


def _kills(run: Run, begun: Begun, count: int) -> list[Fault]:
    """Return faults that kill the command at random counts of what it has published. The last one is healed by its end."""
    began = _ends(run)
    places = sorted(random.Random(run.seed).sample(range(1, count), run.size.faults))  # noqa: S311 - repeatable
    run.figures["killed after"] = ", ".join(map(str, places))

    def is_at(place: int) -> Callable[[], bool]:
        return lambda: _ends(run) - began >= place

    def finish() -> None:
        begun.die_before_checkpoint()
        assert begun.finish()["state"] == "done"

    faults = [Fault(partial(begun.kill_when, is_at(place))) for place in places]
    return [*faults[:-1], replace(faults[-1], heal=finish)]


def _ends(run: Run) -> int:
    return sum(topics.ends(run.rig.servers.bootstrap, run.rig.topic).values())


def _settle(run: Run) -> None:
    """Wait until everything is published and read, by every consumer."""

    def is_settled() -> bool:
        return run.rig.is_drained() and (not run.rig.has_others or run.rig.lag(SENDERS) == 0)

    wait_until(is_settled, seconds=LONGEST_SECONDS, what="everything to be published and read")


def _delete_records(run: Run) -> None:
    """Delete all records of the topic, as retention does."""
    bootstrap, topic = run.rig.servers.bootstrap, run.rig.topic
    places = [TopicPartition(topic, number, end) for number, end in topics.ends(bootstrap, topic).items()]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for done in admin.delete_records(places).values():
        done.result(30)


def _headers(message: Message) -> dict[str, bytes]:
    return {name: value or b"" for name, value in message.headers() or []}


def _contents(messages: list[Message]) -> dict[int, list[tuple[Any, ...]]]:
    """Return key, value and own headers of *messages*, by partition, in their order."""
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for each in messages:
        own = [header for header in each.headers() or [] if not header[0].startswith(MARKS)]
        found[each.partition() or 0].append((each.key(), each.value(), own))
    return dict(found)


def _require_same(messages: list[Message], expected: dict[int, list[tuple[Any, ...]]]) -> None:
    """Raise AssertionError with the first difference."""
    found = _contents(messages)
    for number in expected.keys() | found.keys():
        several, wanted = found.get(number, []), expected.get(number, [])
        for place, pair in enumerate(zip(several, wanted, strict=False)):
            assert pair[0] == pair[1], f"record {place} of partition {number} is {pair[0]} instead of {pair[1]}"
        assert len(several) == len(wanted), f"partition {number} has {len(several)} instead of {len(wanted)}"


def _fold(contents: dict[int, list[tuple[Any, ...]]]) -> dict[str, str]:
    """Return what `PROJECTION` has to be: a fold of the events from the first one on."""
    ids: dict[str, list[str]] = defaultdict(list)
    for key, _, headers in (record for several in contents.values() for record in several):
        ids[key.decode()].append(dict(headers)["ce_id"].decode())
    return {account: hashlib.sha256(" ".join(several).encode()).hexdigest() for account, several in ids.items()}


def _redriven_letters(run: Run) -> list[dict[str, str]]:
    """Return the headers of the letters that failed after a redrive. One that the relay published twice is one."""
    several = {each["dlq_id"]: each for each in run.rig.letter_headers() if "redrive_count" in each}
    return list(several.values())


def _failed_again(run: Run, count: int) -> list[Place]:
    """Return the original places of the letters that failed in their redrive number *count*."""
    found = [each for each in _redriven_letters(run) if each["redrive_count"] == str(count)]
    return [(int(each["redrive_partition"]), int(each["redrive_offset"])) for each in found]


_REPLAY = KilledReplay()
_REDRIVE, _ORDERED = KilledRedrive(is_ordered=False), KilledRedrive(is_ordered=True)
_NO_BREAKER = {"BREAKER_THRESHOLD": "1000000"}

CASES = (
    Case(
        19,
        "replay from the archive killed and resumed",
        _REPLAY.begin,
        quick=Size(40, 3),
        all=Size(200, 10),
        full=Size(1000, 10),
        setup=Setup(is_alone=True),
        verify=_REPLAY.verify,
        bound=600,
    ),
    Case(
        21,
        "redrive killed midway, some still bad",
        _REDRIVE.begin,
        quick=Size(40, 2),
        all=Size(200, 5),
        full=Size(1000, 10),
        setup=Setup(consumer="consume_each", for_consumer=_NO_BREAKER),
        verify=_REDRIVE.verify,
        bound=600,
    ),
    Case(
        21,
        "redrive killed midway, ordered consumer",
        _ORDERED.begin,
        quick=None,
        all=Size(200, 5),
        full=Size(1000, 10),
        setup=Setup(consumer="consume_ordered", for_consumer=_NO_BREAKER),
        verify=_ORDERED.verify,
        bound=600,
    ),
)
