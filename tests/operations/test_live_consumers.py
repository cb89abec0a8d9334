"""How long consumers take for their batches, read from their log lines."""

import json
import time
from collections.abc import Callable

import pytest

from kernel import telemetry
from kernel.errors import UnavailableError
from operations import live_consumers
from tests.kit.aws import Aws

LOG, STREAM = "/millrace/local/orders", "an environment"


@pytest.fixture
def write(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, float], None]:
    """Write what the consumer *group* logs about a batch that took *duration* milliseconds."""
    for name, value in aws.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STAGE", "local")
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=LOG)
    logs.create_log_stream(logGroupName=LOG, logStreamName=STREAM)

    def put(*lines: str) -> None:
        events = [{"timestamp": round(time.time() * 1000), "message": line} for line in lines]
        logs.put_log_events(logGroupName=LOG, logStreamName=STREAM, logEvents=events)

    def consumed(group: str, duration: float) -> None:
        capsys.readouterr()
        telemetry.publish(group, received=1, consumer_batch_duration_ms=duration)
        batch = {"message": "batch consumed", live_consumers.METRIC: duration}
        put("START RequestId: 1", json.dumps(batch), capsys.readouterr().out.strip(), '{"message": "event applied"}')

    return consumed


def test_finds_the_durations_among_all_that_consumers_log(write: Callable[[str, float], None]) -> None:
    """Of the groups that are asked for alone."""
    for number in range(1, 101):
        write("orders-payment-events", number)
    write("orders-product-events", 5_000)

    assert live_consumers.p99({"orders-payment-events"}, {"orders"}, 60) == 99
    assert live_consumers.p99({"orders-payment-events", "orders-product-events"}, {"orders"}, 60) == 100


def test_without_a_batch_nothing_is_known(write: Callable[[str, float], None]) -> None:
    """Nor of a domain that has logged nothing yet, nor of batches of long ago."""
    write("orders-payment-events", 1)

    assert live_consumers.p99({"orders-product-events"}, {"orders"}, 60) is None
    assert live_consumers.p99({"blogs-user-events"}, {"blogs"}, 60) is None
    assert live_consumers.p99({"orders-payment-events"}, {"orders"}, -60) is None


@pytest.mark.usefixtures("write")
def test_no_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for consumers that do nothing."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(UnavailableError, match="the durations of consumers in /millrace/local/orders cannot be read"):
        live_consumers.p99({"orders-payment-events"}, {"orders"}, 60)
