"""`./millrace deploy`: deploy a changed checkout."""

import time

from millrace_local.cli.output import notices
from millrace_local.deployment import deploy
from millrace_local.instance import Instance


def command() -> None:
    """Migrate, build and deploy what changed since the last deployment.

    Example: ./millrace deploy
    """
    began = time.monotonic()
    with notices.status("Deploying …"):
        changed = deploy.deploy(Instance.from_environment())
    notices.print(
        f"Deployed in {time.monotonic() - began:.1f} s." if changed else "Nothing changed since the last deployment."
    )
