"""Deploy the application again whenever LocalStack was restarted: the open edition keeps nothing over a restart.

Supervised beside the servers, so that a LocalStack that died is not only restarted but useful again. As the one process
of our own that always runs, it also starts the servers that the supervisor has given up, and serves the status.
"""

import logging
import time
from threading import Thread

from millrace_local.cloud import status_server
from millrace_local.deployment.deploy import redeploy
from millrace_local.instance import Instance
from millrace_local.servers import supervision
from millrace_local.servers.server import NotReadyError
from millrace_local.servers.supervisor_rpc import SupervisorError

CHECK_SECONDS = 1
PAUSE_AFTER_FAILURE_SECONDS = 5

logger = logging.getLogger("redeployer")


def restart_failed_servers(instance: Instance) -> None:
    """Start the servers that the supervisor has given up, without end."""
    while True:
        try:
            for name in supervision.restart_failed(instance):
                logger.warning("The supervisor had given up %s: started it again.", name)
        except SupervisorError as error:
            logger.warning("%s", error)
        time.sleep(CHECK_SECONDS)


def redeploy_after_restarts(instance: Instance) -> None:
    """Deploy again after each restart of LocalStack, without end."""
    settled = None
    while True:
        pause = CHECK_SECONDS
        try:
            # From the supervisor, because LocalStack logs every request.
            process = supervision.processes(instance)["localstack"]["pid"]
            if process != settled and redeploy(instance):
                logger.info("LocalStack was restarted: the application is deployed on it again.")
            settled = process
        except NotReadyError:
            logger.debug("LocalStack does not answer yet.")
        except Exception:  # a later attempt may succeed, and no other process makes one
            logger.exception("The deployment failed; the next attempt is in %d s.", PAUSE_AFTER_FAILURE_SECONDS)
            pause = PAUSE_AFTER_FAILURE_SECONDS
        time.sleep(pause)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    watched = Instance.from_environment()
    # Each in a thread of its own: a deployment takes long, and may wait for the very server that was given up.
    for target in (restart_failed_servers, status_server.serve):
        Thread(target=target, args=[watched], daemon=True).start()
    redeploy_after_restarts(watched)
