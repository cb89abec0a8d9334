"""No function outlives its LocalStack, and idle environments end."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from millrace_local.instance import Instance
from millrace_local.servers.localstack import LocalStack
from tests.kit.servers import running, wait_until

if TYPE_CHECKING:
    from tests.local_cloud.lambda_runtime.conftest import Cloud


FLUSH_FAILED = 120  # Python's status if what it still had to write could not be written


class ImpatientLocalStack(LocalStack):
    """A LocalStack that keeps an idle environment for a third of a second, instead of minutes."""

    def environment(self, instance: Instance) -> Mapping[str, str]:
        return {**super().environment(instance), "LAMBDA_KEEPALIVE_MS": "300"}


def test_localstack_ends_in_order_when_the_reader_of_its_output_is_gone(
    own_instance: Instance, cloud_on: "type[Cloud]"
) -> None:
    """As the supervisor is that was killed. No process of a function is left."""
    with running(LocalStack(), own_instance, output=subprocess.PIPE) as server, _none_left(cloud_on(own_instance)):
        assert server.stdout
        assert server.stderr
        server.stdout.close()
        server.stderr.close()
        server.terminate()
        assert server.wait(timeout=15) in {0, FLUSH_FAILED}


def test_a_killed_localstack_leaves_no_process_and_the_next_removes_its_folders(
    own_instance: Instance, cloud_on: "type[Cloud]"
) -> None:
    """What functions wrote to their /tmp does not pile up over crashes; a new function's is empty.

    The next LocalStack ends an environment that nobody invokes, and the next invocation has a new one.
    """
    source = (
        "import os\n"
        "def handler(event, context): return os.getpid(), os.environ['TMPDIR'], os.listdir(os.environ['TMPDIR'])"
    )
    with running(LocalStack(), own_instance) as server:
        functions = cloud_on(own_instance)
        _, folder, content = functions.invoke(functions.create(source)).payload
        assert content == []
        assert Path(folder).exists()
        with _none_left(functions):
            server.kill()
            server.wait(timeout=15)
    with running(ImpatientLocalStack(), own_instance):
        functions = cloud_on(own_instance)
        name = functions.create(source)
        first, another, content = functions.invoke(name).payload
        assert content == []
        assert another != folder
        assert not Path(folder).exists()
        wait_until(lambda: not functions.processes(name))
        assert functions.invoke(name).payload[0] != first


@contextlib.contextmanager
def _none_left(functions: "Cloud") -> Iterator[None]:
    """Require that the block ends a function that is idle and another in the middle of a long invocation, and soon.

    LocalStack loads CloudWatch for the metrics of the first invocation meanwhile.
    """
    source = (
        "import subprocess, time\n"
        "def handler(event, context):\n"
        "    subprocess.Popen(['sleep', '600'])\n"
        "    time.sleep(event)"
    )
    name = functions.create(source, Timeout=600)
    functions.invoke(name, 0)

    def invoke() -> None:
        with pytest.raises((BotoCoreError, ClientError)):
            functions.invoke(name, 600)

    busy = threading.Thread(target=invoke)
    busy.start()
    # Otherwise the idle function could be the one that is invoked twice.
    wait_until(lambda: len(functions.processes(name)) == 3, what="the long invocation to begin")
    functions.invoke(name, 0)
    wait_until(lambda: len(functions.processes(name)) == 5, what="two functions and their three children")
    processes = functions.processes(name)
    yield
    busy.join()
    assert psutil.wait_procs(processes, timeout=3)[1] == []
