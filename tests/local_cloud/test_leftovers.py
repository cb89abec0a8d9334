"""A process has ended when its last thread has."""

import subprocess
import sys

import psutil

from millrace_local.servers import leftovers
from tests.kit.servers import wait_until

WITHOUT_ITS_MAIN_THREAD = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=[600]).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_that_lacks_only_its_main_thread_has_not_ended() -> None:
    """The system calls it a zombie, but it still has its files and its ports."""
    with subprocess.Popen([sys.executable, "-c", WITHOUT_ITS_MAIN_THREAD]) as process:
        observed = psutil.Process(process.pid)
        wait_until(lambda: observed.status() == psutil.STATUS_ZOMBIE, what="the main thread to end")
        assert not leftovers.has_ended(process.pid)

        process.kill()
        wait_until(lambda: leftovers.has_ended(process.pid), what="the process to end")
