"""Deploy the checkout to LocalStack with SAM, as to AWS, and only what has changed."""

import contextlib
import json
from collections.abc import Iterator
from hashlib import sha256

from millrace_local import files, waiting
from millrace_local.deployment import aws, provision, sam, stack, template_parameters
from millrace_local.deployment.stack import DeploymentError
from millrace_local.instance import ROOT, STACK, Instance
from millrace_local.servers import supervision
from millrace_local.servers.localstack import localstack_session
from millrace_local.servers.server import NotReadyError

RESTART_SECONDS = 60
LOCK_SECONDS = 300
OPERATION_SECONDS = 300

type State = dict[str, str]
"""What is deployed: *session* of LocalStack, hashes of the *sources* and of the *template*, the *parameters*."""


def deploy(instance: Instance) -> bool:
    """Deploy the checkout to the local cloud. Returns False if it was deployed already."""
    template_parameters.check(instance.parameters)
    with _lock(instance):
        state, found = _read_wanted(instance), _wait_for_operation(instance)
        deployed = _read_deployed(instance)
        if deployed == state and found in stack.SERVING:
            return False
        provision.servers(instance)
        sam.build(instance, state["sources"])
        # After the deletion of a stack, LocalStack still has what its functions wrote meanwhile.
        was_deleted = found is None and deployed.get("session") == state["session"]
        if was_deleted or found in stack.BROKEN:
            _restart_localstack(instance, state)
        try:
            _install(instance, state)
        except stack.CannotUpdateError:
            _restart_localstack(instance, state)
            _install(instance, state)
        return True


def redeploy(instance: Instance) -> bool:
    """Repeat the last deployment if LocalStack was restarted since. Returns False if there was nothing to do.

    It deploys what ran before, even if the checkout has changed meanwhile.
    """
    with _lock(instance):
        deployed, session = _read_deployed(instance), localstack_session(instance)
        if not deployed or deployed["session"] == session:
            return False
        _install(instance, deployed | {"session": session})
        return True


def _install(instance: Instance, state: State) -> None:
    foundation = provision.localstack(instance)
    template = sam.build_folder(state["sources"]) / "template.yaml"
    sam.deploy(instance, template, foundation, state["parameters"].split())
    _start_relays(instance)
    files.write(instance.run / "deployed.json", json.dumps(state))


def _wait_for_operation(instance: Instance) -> str | None:
    """Wait for an operation of the stack, which goes on if a deployment is killed. Returns the stack's status."""
    cloudformation = aws.client(instance, "cloudformation")
    waiting.until(lambda: stack.status(cloudformation) not in stack.UNDER_WAY, OPERATION_SECONDS, pause=0.5)
    found = stack.status(cloudformation)
    if found in stack.UNDER_WAY:
        message = f"{STACK} is still {found}. `./millrace down` and `up` start again from nothing."
        raise DeploymentError(message)
    return found


def _restart_localstack(instance: Instance, state: State) -> None:
    """Restart LocalStack, which then is empty: no update can change or repair this stack."""
    supervision.restart(instance, "localstack")
    waiting.until(lambda: _answers(instance), RESTART_SECONDS)
    state["session"] = localstack_session(instance)


def _answers(instance: Instance) -> bool:
    try:
        localstack_session(instance)
    except NotReadyError:
        return False
    return True


def _read_wanted(instance: Instance) -> State:
    """Return the state of the checkout."""
    return {
        "session": localstack_session(instance),
        "sources": sam.fingerprint(),
        "template": sha256((ROOT / "template.yaml").read_bytes()).hexdigest(),
        "parameters": " ".join(instance.parameters),
    }


def _read_deployed(instance: Instance) -> State:
    """Return the state that was deployed last, or an empty one if it is unknown."""
    try:
        state: State = json.loads((instance.run / "deployed.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    known = ("session", "sources", "template", "parameters")
    return state if isinstance(state, dict) and all(isinstance(state.get(name), str) for name in known) else {}


@contextlib.contextmanager
def _lock(instance: Instance) -> Iterator[None]:
    """Hold the lock of deployments. Another deployment, which is waited for, may take minutes."""
    try:
        with files.lock(instance.run / "deploy.lock", LOCK_SECONDS):
            yield
    except files.LockedError:
        message = f"Another deployment has not ended for {LOCK_SECONDS} s. See ./millrace logs redeployer."
        raise DeploymentError(message) from None


def _start_relays(instance: Instance) -> None:
    """Invoke every domain's relay now: its schedule would do so only at the next full minute."""
    functions = aws.client(instance, "lambda")
    for logical_id, name in stack.function_names(instance).items():
        if logical_id.endswith("PublishEvents"):
            functions.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
