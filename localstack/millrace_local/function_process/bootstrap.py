"""What the function's interpreter runs: the real runtime client, and a watch on whoever started the process.

Standard library only, because it runs on the functions' interpreter. Standard input is the read end of a pipe that
nobody writes to: it ends when its owner closes it or dies, and then this process and its children must not go on.
"""

import os
import signal
import sys
import threading

from awslambdaric.__main__ import main


def _die_with_the_owner(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    lifeline = os.dup(sys.stdin.fileno())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_die_with_the_owner, args=[lifeline], daemon=True).start()
    main(sys.argv)
