"""The proxy that tests put before Stripe does to requests what it is told."""

from uuid import uuid4

import httpx
import pytest

from millrace_local.instance import Instance
from millrace_local.servers import stripe_account
from tests.kit.proxy import Delay, Loss, Proxy, Refusal, faulty

PATH = "/v1/payment_intents"


@pytest.fixture
def headers(instance: Instance) -> dict[str, str]:
    return {"Authorization": f"Bearer {stripe_account.local(instance).api_key}"}


def create(proxy: Proxy, order: str, headers: dict[str, str]) -> httpx.Response:
    parameters = {"amount": "500", "currency": "usd", "metadata[orderId]": order}
    return httpx.post(proxy.url + PATH, data=parameters, headers=headers, timeout=0.5)


def arrived(stripe_api: str, order: str, headers: dict[str, str]) -> int:
    query = {"query": f"metadata['orderId']:'{order}'"}
    return len(httpx.get(f"{stripe_api}{PATH}/search", params=query, headers=headers).json()["data"])


@pytest.mark.parametrize(
    ("fault", "error", "executed"),
    [
        (Loss.CUT_BEFORE, httpx.RemoteProtocolError, 0),
        (Loss.CUT_AFTER, httpx.RemoteProtocolError, 1),
        (Loss.SILENT_BEFORE, httpx.ReadTimeout, 0),
        (Loss.SILENT_AFTER, httpx.ReadTimeout, 1),
    ],
)
def test_a_lost_request_or_answer(
    stripe_api: str, headers: dict[str, str], fault: Loss, error: type[Exception], executed: int
) -> None:
    """The client sees the connection end or gives up; the server has executed it or not, as told; the next is fine."""
    order = str(uuid4())
    with faulty(stripe_api) as proxy:
        proxy.fail([fault])
        with pytest.raises(error):
            create(proxy, order, headers)
        assert arrived(stripe_api, order, headers) == executed
        assert create(proxy, order, headers).is_success
        assert proxy.count("POST", PATH) == 2


def test_a_refused_and_a_delayed_request(stripe_api: str, headers: dict[str, str]) -> None:
    """A refusal never reaches the server; a delayed one is answered late, with the server's answer."""
    order = str(uuid4())
    with faulty(stripe_api) as proxy:
        proxy.fail([Refusal(429), Refusal(500), Delay(0.1)])
        assert [create(proxy, order, headers).status_code for _ in range(2)] == [429, 500]
        assert arrived(stripe_api, order, headers) == 0
        late = create(proxy, order, headers)
    assert late.json()["metadata"] == {"orderId": order}
    assert late.elapsed.total_seconds() >= 0.1
