"""The rig: a domain's whole path of an event, of the product's own parts.

command (a Lambda process) → outbox → relay (a Lambda process) → Kafka → the plugin's trigger → consumer (a Lambda
process) → effect, in one database of a real Postgres, which functions reach through a proxy, as they reach Kafka.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType
from psycopg.conninfo import make_conninfo

from kernel.messaging import outbox
from kernel.messaging.outbox import Message
from kernel.storage import migrations
from millrace_local.instance import HOST
from millrace_plugin.kafka_trigger import backoff
from millrace_plugin.kafka_trigger.mapping import KafkaMapping
from millrace_plugin.kafka_trigger.settings import Settings
from tests.faults.harness.functions import Pool, Relay
from tests.faults.harness.history import Applied, Command, History
from tests.faults.harness.probe_events import TYPE, noted
from tests.faults.harness.servers import Servers
from tests.faults.harness.workload import CLIENTS
from tests.kit import aws, topics
from tests.kit.databases import PASSWORDS, Database, shorten_login

DOMAIN = "probe"
DROP = b"DROP DATABASE IF EXISTS probe WITH (FORCE)"
MODULE = "tests.faults.harness.probe"
PARTITIONS = 4
RELAY_TIMEOUT = 70
SECRETS = "rig/"
BROKEN, MENDED = "release is broken", "release is mended"
BACKLOG = "SELECT count(*) FROM outbox WHERE published_at IS NULL AND parked_at IS NULL"


@dataclass(frozen=True)
class Setup:
    """How the rig of a case differs.

    *retry_seconds*: first and longest pause of the trigger, AWS's by default.
    *for_consumer*: variables of the consumer.
    *consumer_skew*, *relay_skew*: by how many seconds the clocks of their hosts are wrong.
    *is_alone*: whether no case has used the rig before, whose records would be in its topic.
    *has_secrets*: whether functions read their passwords from Secrets Manager (moto's).
    """

    consumer: str = "consume_batch"
    relays: int = 1
    consumer_timeout: float = 30
    command_timeout: float = 10
    batch_size: int = 100
    window_seconds: float = 0
    retry_seconds: tuple[float, float] = (1.0, 30.0)
    for_consumer: Mapping[str, str] = field(default_factory=dict)
    has_dead_letter_topic: bool = True
    has_secrets: bool = False
    is_alone: bool = False
    consumer_skew: int = 0
    relay_skew: int = 0


DEFAULT = Setup()


class Rig:
    """`start` starts everything, `stop` stops what has started.

    *is_changed*: whether a case left more than rows.
    """

    def __init__(self, servers: Servers, setup: Setup, folder: Path) -> None:
        self.servers, self.setup, self.folder = servers, setup, folder
        self._callbacks = contextlib.ExitStack()
        self._aws = self._callbacks.enter_context(aws.running()) if setup.has_secrets else None
        self.topic = f"probe-{uuid4().hex[:8]}"
        self.dead_letter_topic = f"{self.topic}-{DOMAIN}-dlq"
        self.group = f"{DOMAIN}-{self.topic}"
        self.database = Database(servers.superuser, DOMAIN, DOMAIN)
        self.commands = self._pool("record", setup.command_timeout)
        self.consumer = self._pool(setup.consumer, setup.consumer_timeout, setup.for_consumer, skew=setup.consumer_skew)
        self.relays = [
            Relay(self._pool("publish_events", RELAY_TIMEOUT, role="relay", skew=setup.relay_skew))
            for _ in range(setup.relays)
        ]
        self.results: list[str] = []
        self._earlier_letters: set[str] = set()
        self.is_changed = False
        self._mappings: list[KafkaMapping] = []
        self._others: list[Pool] = []
        # A client tells for each second in which a case has stopped its server: nobody reads that.
        client = {"bootstrap.servers": servers.bootstrap, "log_level": 0}
        self._producer = Producer({**client, "linger.ms": 0})
        self._admin = AdminClient(client)

    @property
    def has_others(self) -> bool:
        """Return whether the topic has another consumer."""
        return bool(self._others)

    @property
    def triggers(self) -> Path:
        return self.folder / "triggers"

    def start(self) -> None:
        self.triggers.mkdir(parents=True)
        self._create_database()
        self.create_topic(self.topic, PARTITIONS)
        if self.setup.has_dead_letter_topic:
            self.create_topic(self.dead_letter_topic)
        self.commands.warm(CLIENTS)
        self.consumer.warm(1)
        for relay in self.relays:
            relay.start()
        self.add_mapping()

    def stop(self) -> None:
        for pool in (self.commands, self.consumer, *self._others):
            pool.stop()
        for relay in self.relays:
            relay.stop()
        while self._mappings:
            self.remove_mapping()
        self._callbacks.close()

    def trigger(self, point: str) -> None:
        """Let the next process that comes to *point* of its function die there."""
        (self.triggers / point).touch()

    def has_triggered(self, point: str) -> bool:
        return not (self.triggers / point).exists()

    def deaths(self, point: str) -> list[int]:
        """Return how many events each process was at work on that died at *point*."""
        file = (self.triggers / point).with_suffix(".deaths")
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def add_consumer(self, handler: str, group: str) -> None:
        """Start another consumer of the topic. It is there until the rig stops."""
        self.is_changed = True
        pool = self._pool(handler, self.setup.consumer_timeout, {"CONSUMER_GROUP": group})
        self._others.append(pool)
        pool.warm(1)
        self._map(pool, group)

    def break_release(self) -> None:
        """Let the consumer fail for every event."""
        (self.triggers / BROKEN).touch()

    def mend_release(self) -> None:
        (self.triggers / BROKEN).unlink()

    def mend_everything(self) -> None:
        """Let the consumer apply what is still bad, too."""
        (self.triggers / MENDED).touch()

    def put_secret(self, role: str, password: str) -> None:
        """Replace the password that functions find in Secrets Manager."""
        assert self._aws is not None
        self._aws.put_secret(f"{SECRETS}{role}", {"username": role, "password": password})

    def add_mapping(self) -> None:
        """Start a poller in the consumer's group."""
        self._map(self.consumer, self.group)

    def _map(self, pool: Pool, group: str) -> None:
        self._set_pauses()
        settings = Settings(
            uuid=str(uuid4()),
            function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:{group}",
            topic=self.topic,
            group=group,
            bootstrap=self.servers.bootstrap,
            source_arn=None,
            batch_size=self.setup.batch_size,
            window_seconds=self.setup.window_seconds,
            reports_failures=True,
        )
        mapping = KafkaMapping(settings, pool, self.results.append, _no_clients)
        self._mappings.append(mapping)
        mapping.start()

    def _set_pauses(self) -> None:
        """Let the trigger of this process wait as the setup says. Whoever shares the process sets it back."""
        backoff.FIRST_SECONDS, backoff.LONGEST_SECONDS = self.setup.retry_seconds

    def remove_mapping(self) -> None:
        """Stop the newest poller of the group."""
        mapping = self._mappings.pop()
        mapping.stop()
        assert mapping.join(60), "a mapping does not stop"

    def create_topic(self, name: str, partitions: int = 1, **configuration: str) -> None:
        self._admin.create_topics([NewTopic(name, partitions, 1, config=configuration)])[name].result(timeout=30)

    def undo_at_end(self, undo: Callable[[], object]) -> None:
        """Call *undo* when the rig has stopped, which no other case gets then."""
        self.is_changed = True
        self._callbacks.callback(undo)

    def configure_topic(self, **configuration: str) -> None:
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in configuration.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, self.topic, incremental_configs=entries)
        for done in self._admin.incremental_alter_configs([resource]).values():
            done.result(timeout=30)

    def committed(self) -> dict[int, int]:
        """Return the group's offset of each partition, 0 where it has none."""
        with self._member() as consumer:
            return {each.partition: max(each.offset, 0) for each in self._committed(consumer)}

    def write(self, records: list[tuple[bytes, bytes]]) -> list[tuple[int, int]]:
        """Write pairs of key and value to the topic, as a client that is none of ours. Returns their places."""
        places: list[tuple[int, int]] = []

        def note(error: object, message: Any) -> None:  # noqa: ANN401 - confluent-kafka's
            assert error is None, error
            places.append((message.partition(), message.offset()))

        for key, value in records:
            self._producer.produce(self.topic, value, key, on_delivery=note)
        assert self._producer.flush(60) == 0
        return places

    def rows(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """Return what *query* gives, past the proxy and whatever the roles may do."""
        with self.as_superuser() as connection:
            return connection.execute(query, parameters).fetchall()

    @contextlib.contextmanager
    def as_superuser(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        with psycopg.connect(self.servers.superuser, dbname=DOMAIN, autocommit=True, connect_timeout=5) as connection:
            yield connection

    def backlog(self) -> int:
        [(count,)] = self.rows(BACKLOG)
        return int(count)

    def lag(self, group: str | None = None) -> int:
        """Return how many records of the topic *group* has not committed, the consumer's if it is not given."""
        with self._member(group) as consumer:
            behind = 0
            for each in self._committed(consumer):
                low, high = consumer.get_watermark_offsets(TopicPartition(self.topic, each.partition), timeout=10)
                behind += high - max(each.offset, low)
            return behind

    def is_drained(self) -> bool:
        """Return whether everything that was committed is published, and everything published is read."""
        try:
            # Once more at the end: what is read last may have added a dead letter.
            return self.backlog() == 0 and self.lag() == 0 and self.backlog() == 0
        except (psycopg.OperationalError, KafkaException):
            return False

    def begin(self) -> None:
        """Forget what earlier cases left: their effects, letters and parked rows, and what nobody died at."""
        self._set_pauses()
        for file in self.triggers.iterdir():
            file.unlink()
        self._earlier_letters = set(self.letters())
        with self.as_superuser() as connection:
            connection.execute("TRUNCATE commands, effects, sendings")
            connection.execute("DELETE FROM outbox")
            connection.execute("DELETE FROM breakers")

    def history(self, commands: list[Command]) -> History:
        """Read everything that the checker needs, but for what was poison."""
        ids = {command.id for command in commands}
        executed = (str(id_) for (id_,) in self.rows("SELECT id FROM commands"))
        effects = self.rows("SELECT event_id::text, account, sequence FROM effects ORDER BY place")
        [(parked,)] = self.rows("SELECT count(*) FROM outbox WHERE parked_at IS NOT NULL")
        letters = self.letters()
        return History(
            commands=tuple(commands),
            executed=tuple(executed),
            effects=tuple(Applied(*row) for row in effects),
            wire=tuple(each for each in self.wire().values() if each.id in ids),
            letters=tuple(place for id_, place in letters.items() if id_ not in self._earlier_letters),
            backlog=self.backlog(),
            parked=parked,
            lag=self.lag(),
        )

    def letters(self) -> dict[str, tuple[int, int]]:
        """Return the place that each dead letter names, by its id."""
        found = {}
        for headers in self.letter_headers():
            found[headers["dlq_id"]] = int(headers["dlq_partition"]), int(headers["dlq_offset"])
        return found

    def letters_in_outbox(self) -> int:
        """Return how many dead letters the outbox has had since the case began."""
        [(count,)] = self.rows("SELECT count(*) FROM outbox WHERE topic = %s", self.dead_letter_topic)
        return int(count)

    def letter_headers(self) -> list[dict[str, str]]:
        if self.dead_letter_topic not in self._admin.list_topics(timeout=30).topics:
            return []
        messages = topics.read(self.servers.bootstrap, self.dead_letter_topic)
        return [{name: value.decode(errors="replace") for name, value in each.headers()} for each in messages]

    def wire(self) -> dict[tuple[int, int], Applied]:
        """Return the events of the topic by their place, in the sequence of each partition."""
        found = {}
        for message in topics.read(self.servers.bootstrap, self.topic):
            with contextlib.suppress(ValueError, KeyError):
                event = json.loads(message.value())
                place = message.partition(), message.offset()
                found[place] = Applied(event["eventId"], event["account"], event["sequence"])
        return found

    def add_to_outbox(self, command: Command, padding: int = 0) -> None:
        """Add the event of *command* to the outbox, as a function does."""
        with self.database.connect("app") as connection:
            self._add(connection, command, padding)

    def begin_late(self, command: Command) -> Callable[[], None]:
        """Add the event of *command* in a transaction that stays open. Returns what commits it."""
        connection = self.database.connect("app")
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        connection.execute("BEGIN")
        self._add(connection, command)

        def commit() -> None:
            connection.execute("COMMIT")
            connection.close()

        return commit

    def _add(self, connection: psycopg.Connection[tuple[Any, ...]], command: Command, padding: int = 0) -> None:
        headers = [("ce_id", command.id.encode()), ("ce_type", TYPE.encode())]
        key = command.key.encode()
        message = Message(self.topic, key, headers, noted(command, padding), f"{self.topic} {command.key}")
        outbox.add_messages(connection, [message])

    @contextlib.contextmanager
    def _member(self, group: str | None = None) -> Iterator[Consumer]:
        bootstrap = self.servers.bootstrap
        options = {"bootstrap.servers": bootstrap, "group.id": group or self.group, "enable.auto.commit": False}
        consumer = Consumer(options)
        try:
            yield consumer
        finally:
            consumer.close()

    def _committed(self, consumer: Consumer) -> list[TopicPartition]:
        asked = [TopicPartition(self.topic, number) for number in range(PARTITIONS)]
        return list(consumer.committed(asked, timeout=10))

    def _create_database(self) -> None:
        shorten_login(self.servers.superuser)
        with psycopg.connect(self.servers.superuser, autocommit=True) as connection:
            connection.execute(DROP)
            migrations.create_database(connection, DOMAIN, PASSWORDS)
        migrations.apply(self.database.url("owner"), DOMAIN, Path(__file__).with_name("migrations"))

    def _pool(
        self, handler: str, timeout: float, own: Mapping[str, str] | None = None, *, role: str = "app", skew: int = 0
    ) -> Pool:
        name = f"{handler}-{uuid4().hex[:8]}"
        variables = {
            **self._database_variables(role),
            "KAFKA_BOOTSTRAP_SERVERS": self.servers.bootstrap,
            "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
            "PROBE_TOPIC": self.topic,
            "TRIGGERS": str(self.triggers),
            "EVENT_LOG_LEVEL": "DEBUG",
            **(own or {}),
        }
        return Pool(name, f"{MODULE}.{handler}", variables, self.folder / name, timeout, skew)

    def _database_variables(self, role: str) -> dict[str, str]:
        port = self.servers.to_postgres.port
        if self._aws is None:
            return {f"DATABASE_URL_{DOMAIN.upper()}": make_conninfo(self.database.url(role), port=port)}
        self.put_secret(f"{DOMAIN}_{role}", PASSWORDS[role])
        settings = {"HOST": HOST, "PORT": str(port), "SSLMODE": "disable", "SECRET_PREFIX": SECRETS, "ROLE": role}
        return self._aws.variables | {f"DATABASE_{name}": value for name, value in settings.items()}


def _no_clients(service: str, account: str, region: str) -> Any:  # noqa: ANN401 - a client of AWS
    message = f"{service} of {account} in {region} is not expected to be used"
    raise AssertionError(message)


@contextlib.contextmanager
def running(servers: Servers, setup: Setup, folder: Path) -> Iterator[Rig]:
    rig = Rig(servers, setup, folder)
    try:
        rig.start()
        yield rig
    finally:
        rig.stop()
