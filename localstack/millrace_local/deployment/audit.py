"""What operators changed by other means than an operation, for those who ask later: `./millrace audit`."""

import json
from collections.abc import Mapping
from typing import Any

from millrace_local.deployment import operations
from millrace_local.deployment.operations import Kept
from millrace_local.deployment.stages import Stage
from millrace_local.instance import Instance

OPERATION = "operations.record_audit"


def record(instance: Instance, stage: Stage, command: str, reason: str | None, counts: Mapping[str, Any]) -> None:
    """Keep who runs *command* on *stage*, when and why. Call it before the change: one without a record is none.

    *command*: without the program's name, e.g. `mappings pause blogs.on_user_events`.
    Raises LocalCloudError if it cannot be kept.
    """
    operation = operations.find(OPERATION)
    given = {"command": command, "counts": json.dumps(counts), "who": stage.who()}
    given |= {"reason": reason} if reason else {}
    for _ in operations.run(stage, operation, given, Kept.of(instance, stage, operation)):
        pass
