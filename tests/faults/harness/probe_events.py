"""The rig's events as anybody may write them, who does not have the code of its functions."""

import json

from tests.faults.harness.history import Command

TYPE = "noted"


def noted(command: Command, padding: int = 0) -> bytes:
    """Return the event of *command* as JSON, with its id and type in the value."""
    fields = {"eventId": command.id, "account": command.key, "sequence": command.sequence}
    return json.dumps({"type": TYPE, **fields, "padding": "x" * padding}).encode()
