"""No function outlives its LocalStack, and idle environments end."""

import signal
import subprocess
import threading
from collections.abc import Mapping
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


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_when_localstack_ends(
    own_instance: Instance, end: signal.Signals, cloud_on: "type[Cloud]"
) -> None:
    """In order or killed, with a function idle and another in the middle of a long invocation: all end, and soon.

    LocalStack loads CloudWatch for the metrics of the first invocation meanwhile.
    """
    with running(LocalStack(), own_instance) as server:
        functions = cloud_on(own_instance)
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
        server.send_signal(end)
        server.wait(timeout=15)
        busy.join()
        assert psutil.wait_procs(processes, timeout=3)[1] == []


def test_localstack_ends_in_order_when_the_reader_of_its_output_is_gone(own_instance: Instance) -> None:
    """As the supervisor is that was killed."""
    with running(LocalStack(), own_instance, output=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stderr
        server.stdout.close()
        server.stderr.close()
        server.terminate()
        assert server.wait(timeout=15) in {0, FLUSH_FAILED}


class ImpatientLocalStack(LocalStack):
    """A LocalStack that keeps an idle environment for a third of a second, instead of minutes."""

    def environment(self, instance: Instance) -> Mapping[str, str]:
        return {**super().environment(instance), "LAMBDA_KEEPALIVE_MS": "300"}


def test_an_idle_environment_is_ended_after_a_while(own_instance: Instance, cloud_on: "type[Cloud]") -> None:
    """A process nobody invokes ends by itself, and the next invocation has a new one."""
    with running(ImpatientLocalStack(), own_instance):
        functions = cloud_on(own_instance)
        name = functions.create("import os\ndef handler(event, context): return os.getpid()")
        first = functions.invoke(name).payload
        wait_until(lambda: not functions.processes(name))
        assert functions.invoke(name).payload != first


def test_a_killed_localstacks_scratch_folders_are_removed_by_the_next(
    own_instance: Instance, cloud_on: "type[Cloud]"
) -> None:
    """What functions wrote to their /tmp does not pile up over crashes; a new function's is empty."""
    source = "import os\ndef handler(event, context): return [os.environ['TMPDIR'], os.listdir(os.environ['TMPDIR'])]"
    folders = []
    for _ in range(2):
        with running(LocalStack(), own_instance) as server:
            functions = cloud_on(own_instance)
            folder, content = functions.invoke(functions.create(source)).payload
            assert content == []
            folders.append(Path(folder))
            assert [path.exists() for path in folders] == [False] * (len(folders) - 1) + [True]
            server.kill()
