"""Pause and resume mappings, with a tag on a paused one that says by whom or for what."""

import getpass
import re
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from millrace_local import waiting
from millrace_local.deployment.stages import Stage
from millrace_local.problems import LocalCloudError
from millrace_plugin.status.structures import Mapping

TAG = "millrace:paused"
# What AWS allows in the value of a tag.
REFUSED = re.compile(r"[^\w .:/=+\-@]")
LONGEST_TAG = 256
SECONDS = 300
"""How long a mapping may take: an invocation in flight ends first."""
TRANSIENT = {"Creating", "Enabling", "Disabling", "Updating"}

type Told = Callable[[str], None]
"""Called with each state that a mapping passes."""


def note(stage: Stage, mapping: Mapping) -> str | None:
    """Return by whom or for what the mapping was paused, or None if nobody said so."""
    client = stage.client("lambda")
    try:
        tags = client.list_tags(Resource=_arn(mapping))["Tags"]
    except (BotoCoreError, ClientError):
        return None
    return str(tags[TAG]) if tags.get(TAG) else None


def pause(stage: Stage, mapping: Mapping, told: Told, purpose: str = "") -> bool:
    """Pause *mapping* and wait until it is. Returns False if it was paused already.

    *purpose*: why, for instance `for a seek to earliest`.

    The tag is written first: a pause that was killed in between says who began it.
    Raises LocalCloudError if it is not paused in time; it goes on to pause all the same.
    """
    client = stage.client("lambda")
    before = _state(client, mapping)
    value = " ".join(filter(None, [purpose, f"by {_user()}"]))
    if before != "Disabled" or purpose:
        client.tag_resource(Resource=_arn(mapping), Tags={TAG: REFUSED.sub(" ", value)[:LONGEST_TAG]})
    return _set(client, mapping, "Disabled", told)


def resume(stage: Stage, mapping: Mapping, told: Told) -> bool:
    """Resume *mapping* and wait until it reads. Returns False if it was not paused."""
    client = stage.client("lambda")
    changed = _set(client, mapping, "Enabled", told)
    client.untag_resource(Resource=_arn(mapping), TagKeys=[TAG])
    return changed


def _set(client: Any, mapping: Mapping, wanted: str, told: Told) -> bool:  # noqa: ANN401 - a boto3 client
    """Bring the mapping to *wanted*. An update that Lambda refuses because of another one is repeated after that."""
    changed = False
    states = _states(client, mapping, told)

    def is_reached() -> bool:
        nonlocal changed
        state = next(states)
        if state == "Deleting":
            message = f"The mapping {mapping.uuid} is being deleted."
            raise LocalCloudError(message)
        if state != wanted and state not in TRANSIENT:
            changed = _update(client, mapping, enabled=wanted == "Enabled") or changed
        return state == wanted

    if not waiting.until(is_reached, SECONDS, pause=0.3):
        message = (
            f"The mapping {mapping.uuid} is not {wanted} after {SECONDS} s: an invocation may still run. Run it again."
        )
        raise LocalCloudError(message)
    return changed


def _update(client: Any, mapping: Mapping, *, enabled: bool) -> bool:  # noqa: ANN401 - a boto3 client
    try:
        client.update_event_source_mapping(UUID=mapping.uuid, Enabled=enabled)
    except client.exceptions.ResourceInUseException:
        return False
    return True


def _states(client: Any, mapping: Mapping, told: Told) -> Iterator[str]:  # noqa: ANN401 - a boto3 client
    before = ""
    while True:
        state = _state(client, mapping)
        if state != before:
            told(state)
            before = state
        yield state


def _state(client: Any, mapping: Mapping) -> str:  # noqa: ANN401 - a boto3 client
    try:
        return str(client.get_event_source_mapping(UUID=mapping.uuid)["State"])
    except client.exceptions.ResourceNotFoundException:
        message = f"The mapping {mapping.uuid} is gone."
        raise LocalCloudError(message) from None


def _arn(mapping: Mapping) -> str:
    region, account = mapping.function_arn.split(":")[3:5]
    return f"arn:aws:lambda:{region}:{account}:event-source-mapping:{mapping.uuid}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "an unknown user"
