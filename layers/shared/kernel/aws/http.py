"""AWS's HTTP APIs without boto3, whose import would double a function's cold start.

AWS: "Signature Version 4 for API requests" (IAM User Guide), signed with the runtime's botocore.
"""

import http.client
import os
import urllib.parse
from collections.abc import Mapping

from kernel import settings


def post(
    service: str, body: bytes, headers: Mapping[str, str], *, timeout: float, host: str | None = None
) -> tuple[int, bytes]:
    """Send a signed POST to *service*, at AWS_ENDPOINT_URL if that is set. Returns the answer's status and body.

    *service*: the name that the signature is for.
    *host*: the first part of the address. None: *service*.
    *timeout*: in seconds, for the connection and again for each part of the answer.
    Raises OSError if there is no answer.
    """
    region = settings.text("AWS_REGION")
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or f"https://{host or service}.{region}.amazonaws.com"
    url = urllib.parse.urlsplit(endpoint)
    connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = connect(url.netloc, timeout=timeout)
    try:
        address = f"{url.scheme}://{url.netloc}/"
        connection.request("POST", "/", body, _signed(service, region, address, body, headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        message = f"{service} broke off its answer: {type(error).__name__}"
        raise OSError(message) from error
    finally:
        connection.close()


def _signed(service: str, region: str, address: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - 60 ms that only the first call pays
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    credentials = Credentials(
        settings.text("AWS_ACCESS_KEY_ID"),
        settings.text("AWS_SECRET_ACCESS_KEY"),
        os.environ.get("AWS_SESSION_TOKEN"),
    )
    request = AWSRequest("POST", address, data=body, headers=dict(headers))
    SigV4Auth(credentials, service, region).add_auth(request)
    return dict(request.headers)
