"""The proxy that tests put before Stripe does to requests what it is told."""

from uuid import uuid4

import httpx
import pytest

from tests.proxy import Delay, Loss, Proxy, Refusal, faulty

PATH = "/v1/payment_intents"


def create(proxy: Proxy, order: str) -> httpx.Response:
    headers = {"Authorization": "Bearer sk_test_of_the_proxy"}
    parameters = {"amount": "500", "currency": "usd", "metadata[orderId]": order}
    return httpx.post(proxy.url + PATH, data=parameters, headers=headers, timeout=0.5)


def arrived(stripe_api: str, order: str) -> int:
    headers = {"Authorization": "Bearer sk_test_of_the_proxy"}
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
def test_a_lost_request_or_answer(stripe_api: str, fault: Loss, error: type[Exception], executed: int) -> None:
    """The client sees the connection end or gives up; the server has executed it or not, as told; the next is fine."""
    order = str(uuid4())
    with faulty(stripe_api) as proxy:
        proxy.fail([fault])
        with pytest.raises(error):
            create(proxy, order)
        assert arrived(stripe_api, order) == executed
        assert create(proxy, order).is_success
        assert proxy.count("POST", PATH) == 2


def test_a_refused_and_a_delayed_request(stripe_api: str) -> None:
    """A refusal never reaches the server; a delayed one is answered late, with the server's answer."""
    order = str(uuid4())
    with faulty(stripe_api) as proxy:
        proxy.fail([Refusal(429), Refusal(500), Delay(0.1)])
        assert [create(proxy, order).status_code for _ in range(2)] == [429, 500]
        assert arrived(stripe_api, order) == 0
        late = create(proxy, order)
    assert late.json()["metadata"] == {"orderId": order}
    assert late.elapsed.total_seconds() >= 0.1
