"""Deploy the application again whenever LocalStack was restarted: the open edition keeps nothing over a restart.

Supervised beside the servers, so that a LocalStack that died is not only restarted but useful again.
"""

import logging
import time

from millrace_local import supervision
from millrace_local.deployment import redeploy
from millrace_local.instance import Instance
from millrace_local.services.service import NotReadyError

CHECK_SECONDS = 1
PAUSE_AFTER_FAILURE_SECONDS = 5

logger = logging.getLogger("redeployer")


def watch(instance: Instance) -> None:
    settled = None
    while True:
        pause = CHECK_SECONDS
        try:
            # Asked of the supervisor, because LocalStack logs every question that it is asked.
            process = supervision.processes(instance)["localstack"]["pid"]
            if process != settled and redeploy(instance):
                logger.info("LocalStack was restarted: the application is deployed on it again.")
            settled = process
        except NotReadyError:
            logger.debug("LocalStack does not answer yet.")
        except Exception:  # whatever went wrong, a later attempt may succeed, and nobody else would make it
            logger.exception("The deployment failed; the next attempt is in %d s.", PAUSE_AFTER_FAILURE_SECONDS)
            pause = PAUSE_AFTER_FAILURE_SECONDS
        time.sleep(pause)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    watch(Instance.from_environment())
