"""OpenSearch's client: short timeouts, no retries of its own, signed requests on AWS.

AWS: "Signing HTTP requests to Amazon OpenSearch Service" (OpenSearch Service Developer Guide).
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kernel import settings
from kernel.errors import UnavailableError

if TYPE_CHECKING:
    from opensearchpy import OpenSearch

TOO_MANY, SERVER_ERROR = 429, 500

_clients: dict[str, "OpenSearch"] = {}


class SilentError(UnavailableError):
    """OpenSearch cannot be reached, or takes too long."""


class RefusedError(Exception):
    """OpenSearch rejects the request for good. The message is the type of its error and quotes no data."""


@contextlib.contextmanager
def client() -> Iterator["OpenSearch"]:
    """Yield the client.

    Its errors become SilentError without an answer, UnavailableError if a retry may succeed, and else RefusedError.
    """
    from opensearchpy.exceptions import ConnectionError as NoAnswerError  # noqa: PLC0415 - see _client
    from opensearchpy.exceptions import TransportError  # noqa: PLC0415

    try:
        yield _client()
    except NoAnswerError as error:
        raise SilentError("The search index does not answer.") from error
    except TransportError as error:
        if may_succeed_later(int(error.status_code)):
            raise UnavailableError("The search index is busy, or not there.") from error
        raise RefusedError(f"{error.status_code} {error.error}") from error


def may_succeed_later(status: int) -> bool:
    """Return whether a retry may succeed. 404 is an alias that is being moved, or an index that is still missing."""
    return status in (404, TOO_MANY) or status >= SERVER_ERROR


def reset() -> None:
    """Close the connections. The next request opens a new one."""
    while _clients:
        _clients.popitem()[1].close()


def _client() -> "OpenSearch":
    url = settings.text("OPENSEARCH_URL")
    if url not in _clients:
        from opensearchpy import OpenSearch  # noqa: PLC0415 - 140 ms that only a function's first request pays

        # We log its failures ourselves, once and without a traceback.
        logging.getLogger("opensearch").setLevel(logging.CRITICAL)
        _clients[url] = OpenSearch([url], max_retries=0, http_auth=_signer(url))
    return _clients[url]


def _signer(url: str) -> Any:  # noqa: ANN401 - opensearch-py types it so
    """Return what signs requests, or None unless the host is AWS's: another one would learn our credentials' id."""
    address = urlsplit(url)
    if address.scheme != "https" or not (address.hostname or "").endswith(".amazonaws.com"):
        return None
    from botocore.credentials import Credentials  # noqa: PLC0415 - the runtime's
    from opensearchpy import Urllib3AWSV4SignerAuth  # noqa: PLC0415

    credentials = Credentials(
        settings.text("AWS_ACCESS_KEY_ID"),
        settings.text("AWS_SECRET_ACCESS_KEY"),
        os.environ.get("AWS_SESSION_TOKEN"),
    )
    return Urllib3AWSV4SignerAuth(credentials, settings.text("AWS_REGION"), "es")
