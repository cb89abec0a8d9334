"""Bring LocalStack to a state of the checkout with SAM, as AWS is; nothing is done twice without need."""

import contextlib
import fcntl
import json
import time
from collections.abc import Iterator
from hashlib import sha256

from millrace_local import aws, gateway_responses, provision, sam, stack, supervision
from millrace_local.instance import ROOT, Instance
from millrace_local.services.localstack import localstack_session
from millrace_local.services.service import NotReadyError

RESTART_SECONDS = 60

type State = dict[str, str]
"""What is deployed: *session* of LocalStack, hashes of the *sources* and of the *template*, the *parameters*."""


def deploy(instance: Instance) -> bool:
    """Bring the local cloud to the checkout's state; False if it was there already."""
    with _one_at_a_time(instance):
        state = _wanted(instance)
        if _deployed(instance) == state:
            return False
        provision.servers(instance)
        sam.build(state["sources"])
        if _needs_new_localstack(instance, state):
            supervision.restart(instance, "localstack")
            state["session"] = _session_after_restart(instance)
        _install(instance, state)
        return True


def redeploy(instance: Instance) -> bool:
    """Put what was deployed last on a LocalStack that was restarted since; False if there is nothing to do.

    That is what ran before, whatever the checkout holds by now.
    """
    with _one_at_a_time(instance):
        deployed, session = _deployed(instance), localstack_session(instance)
        if not deployed or deployed["session"] == session:
            return False
        _install(instance, deployed | {"session": session})
        return True


def _install(instance: Instance, state: State) -> None:
    foundation = provision.localstack(instance)
    template = sam.build_folder(state["sources"]) / "template.yaml"
    sam.deploy(instance, template, foundation, state["parameters"].split())
    gateway_responses.put(aws.client(instance, "apigateway"), stack.output(instance, "ApiId"), template)
    _start_relays(instance)
    unfinished = instance.run / "deployed.unfinished"
    unfinished.write_text(json.dumps(state))
    unfinished.rename(instance.run / "deployed.json")


def _needs_new_localstack(instance: Instance, state: State) -> bool:
    """LocalStack changes code in place, while everything goes on, but no REST API; nor does it mend a broken stack."""
    found = stack.status(aws.client(instance, "cloudformation"))
    deployed = _deployed(instance)
    same = all(deployed.get(name) == state[name] for name in ("session", "template", "parameters"))
    return found is not None and not (same and found in stack.WHOLE)


def _session_after_restart(instance: Instance) -> str:
    deadline = time.monotonic() + RESTART_SECONDS
    while True:
        try:
            return localstack_session(instance)
        except NotReadyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _wanted(instance: Instance) -> State:
    return {
        "session": localstack_session(instance),
        "sources": sam.fingerprint(),
        "template": sha256((ROOT / "template.yaml").read_bytes()).hexdigest(),
        "parameters": " ".join(instance.parameters),
    }


def _deployed(instance: Instance) -> State:
    try:
        state: State = json.loads((instance.run / "deployed.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return state


@contextlib.contextmanager
def _one_at_a_time(instance: Instance) -> Iterator[None]:
    instance.run.mkdir(parents=True, exist_ok=True)
    with (instance.run / "deploy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start_relays(instance: Instance) -> None:
    """Start every domain's relay now: its schedule would do so only at the next full minute."""
    functions = aws.client(instance, "lambda")
    for logical_id, name in stack.function_names(instance).items():
        if logical_id.endswith("PublishEvents"):
            functions.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
