"""AWS for the tests, by moto in this process: no program is started, and no request leaves loopback."""

import contextlib
import json
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

REGION = "us-east-1"


class Aws:
    """moto's AWS.

    *requests*: what was asked of it.
    *refuse*: returns the answer to a request that moto is not to see; None = moto answers.
    *interrupt*: called when moto has done what was asked, before the client learns of it.
    """

    def __init__(self) -> None:
        self.url = ""
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._clients: dict[str, Any] = {}
        self._clear()

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment of a function that uses it."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        return keys | {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}

    def reset(self) -> None:
        """Empty the account, and let everything succeed again."""
        self._clear()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")):  # noqa: S310 - loopback
            self.requests.clear()

    def backend(self, service: str) -> Any:  # noqa: ANN401 - moto's
        """Return what moto keeps of *service*."""
        return get_backend(service)[DEFAULT_ACCOUNT_ID][REGION]

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's
        """Return a client of *service* that is closed with this AWS."""
        if service not in self._clients:
            keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
            self._clients[service] = boto3.client(service, REGION, endpoint_url=self.url, **keys)
        return self._clients[service]

    def put_secret(self, name: str, content: object) -> None:
        """Create the secret *name* with *content* as JSON, or replace its content."""
        manager = self.client("secretsmanager")
        with contextlib.suppress(manager.exceptions.ResourceExistsException):
            manager.create_secret(Name=name)
        manager.put_secret_value(SecretId=name, SecretString=json.dumps(content))

    def create_role(self, rights: str) -> dict[str, str]:
        """Create a role with the policy *rights*. Returns its credentials as Lambda puts them into the environment."""
        name, iam = f"role-{uuid4()}", self.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy("sts:AssumeRole"))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=rights)
        assumed = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="function")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": assumed["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": assumed["SecretAccessKey"],
            "AWS_SESSION_TOKEN": assumed["SessionToken"],
        }

    def list_secret_reads(self) -> list[Request]:
        """Return the requests for a secret's content."""
        return [each for each in self.requests if each.headers.get("X-Amz-Target") == "secretsmanager.GetSecretValue"]

    def close(self) -> None:
        """Close all clients."""
        for client in self._clients.values():
            client.close()

    # WSGI's application.
    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        environ["wsgi.input"] = BytesIO(request.get_data())
        self.requests.append(request)
        refusal = self.refuse(request)
        if refusal is not None:
            return refusal(environ, start_response)
        answer: Iterable[bytes] = self._moto(environ, start_response)
        self.interrupt()
        return answer

    def _clear(self) -> None:
        self.requests: list[Request] = []
        self.refuse: Callable[[Request], Response | None] = lambda _: None
        self.interrupt: Callable[[], None] = lambda: None


def policy(action: str) -> str:
    """Return a policy that allows *action* on everything."""
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}})


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Say nothing: the requests are in `Aws.requests`."""


@contextlib.contextmanager
def running() -> Iterator[Aws]:
    """Serve moto's AWS on a free port, in a thread of its own."""
    aws = Aws()
    server = make_server("127.0.0.1", 0, aws, threaded=True, request_handler=_Quiet)
    aws.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield aws
    finally:
        aws.close()
        server.shutdown()
        server.server_close()
        thread.join()
