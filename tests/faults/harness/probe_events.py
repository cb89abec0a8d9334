"""The rig's events as anybody may write them, who does not have the code of its functions."""

import json

from tests.faults.harness.history import Command

TYPE = "noted"
# The padding of an event that a release cannot apply which is mended for all others.
STILL_BAD = "still bad"


def noted(command: Command, padding: int | str = 0) -> bytes:
    """Return the event of *command* as JSON, with its id and type in the value.

    *padding*: what it has besides, or how many characters.
    """
    fields = {"eventId": command.id, "account": command.key, "sequence": command.sequence}
    text = padding if isinstance(padding, str) else "x" * padding
    return json.dumps({"type": TYPE, **fields, "padding": text}).encode()
