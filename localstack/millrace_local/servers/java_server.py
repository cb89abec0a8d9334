"""Start servers on Java from a cache of what their JVM loaded and linked at a trial start."""

import contextlib
import dataclasses
import os
import shutil
import subprocess
from abc import abstractmethod
from hashlib import sha256
from pathlib import Path

from millrace_local import files, waiting
from millrace_local.instance import Instance
from millrace_local.servers.java import JAVA_RELEASE, Jars
from millrace_local.servers.server import Command, NotReadyError, Server

RECORDING_SECONDS = 180
# The second compiler and a collector with threads of its own cost more than they save (decision 0065). A cache that
# does not fit is no cause for a warning at each start.
OPTIONS = (
    "-Xms128m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Xlog:aot*=error",
)
# Warnings and errors to standard output, which the supervisor writes to the server's log.
LOGGING = """\
status = WARN
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
"""


class JavaServer(Server):
    """A server whose first start on a machine records the cache for the later ones."""

    jars: Jars
    options: tuple[str, ...]
    """Options of the JVM beside those that all servers have."""

    def prepare(self, instance: Instance) -> None:
        # Several clouds may start for the first time at once: one records for all.
        with contextlib.suppress(files.LockedError), files.lock(self.jars.folder / "start.lock", RECORDING_SECONDS):
            if not self.cache().exists():
                self._record_cache(instance)
        self._configure(instance)

    def command(self, instance: Instance) -> Command:
        return [*self.java(instance), *self.arguments(instance)]

    @abstractmethod
    def configure(self, instance: Instance) -> None:
        """Write the server's configuration into its folder. Idempotent, also after a crash."""

    @abstractmethod
    def arguments(self, instance: Instance) -> Command:
        """Return the name of the server's class and the arguments of its command line."""

    def more_jars(self) -> tuple[Path, ...]:
        """Return the folders of jars beside the server's own."""
        return ()

    def configuration(self, instance: Instance) -> Path:
        """Return the folder of the configuration."""
        return instance.data(self.name) / "config"

    def java(self, instance: Instance, cache_option: str = "") -> Command:
        """Return the Java command line up to the name of the class to run, by default one that starts from the cache."""
        options = [*OPTIONS, *self.options, f"-Djava.io.tmpdir={instance.scratch(self.name)}"]
        options.append(cache_option or f"-XX:AOTCache={self.cache()}")
        return self.jars.command(self.configuration(instance) / "log4j2.properties", *options, more=self.more_jars())

    def cache(self) -> Path:
        """Return the file of the cache, named by what it depends on: Java, its options and the jars.

        Java compares the jars by their times, and ignores a cache that is broken or does not fit.
        """
        jars = [jar for folder in (self.jars.folder, *self.more_jars()) for jar in sorted(folder.glob("*.jar"))]
        depends_on = [JAVA_RELEASE.read_text(), *OPTIONS, *self.options]
        depends_on += [f"{jar.name} {jar.stat().st_mtime_ns}" for jar in jars]
        return self.jars.folder / f"start-{sha256('\n'.join(depends_on).encode()).hexdigest()[:12]}.aot"

    def _configure(self, instance: Instance) -> None:
        for folder in (self.configuration(instance), instance.scratch(self.name)):
            folder.mkdir(parents=True, exist_ok=True)
        (self.configuration(instance) / "log4j2.properties").write_text(LOGGING)
        self.configure(instance)

    def _record_cache(self, instance: Instance) -> None:
        """Record the JVM's cache: start a trial server on the instance's ports and stop it."""
        cache = self.cache()
        trial = dataclasses.replace(instance, home=instance.data(self.name) / "trial")
        shutil.rmtree(trial.home, ignore_errors=True)
        self._configure(trial)
        for stale in cache.parent.glob("start*.aot*"):
            stale.unlink(missing_ok=True)
        recorded = cache.with_name(f"{cache.name}.{os.getpid()}")
        command = [*self.java(trial, f"-XX:AOTCacheOutput={recorded}"), *self.arguments(trial)]
        # From the data folder, as `down` knows the instance's processes by it.
        process = subprocess.Popen(command, cwd=trial.home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command line
        try:
            self._wait_until_ready(trial, process)
            process.terminate()
            process.wait(RECORDING_SECONDS)
            # In one step: a process that is killed earlier leaves no cache, and the next start records again.
            recorded.rename(cache)
        except (TimeoutError, subprocess.TimeoutExpired, FileNotFoundError):
            pass  # without the cache a start is only slower; what prevents it shows when the real server starts
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
