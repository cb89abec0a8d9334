"""Count the metrics of AWS/Lambda and publish them once a second. The reason is in log_delivery.py."""

import itertools
import logging
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localstack.aws.connect import connect_to
from localstack.runtime.events import infra_stopping
from localstack.services.lambda_.invocation import version_manager

LOG = logging.getLogger(__name__)
_SECONDS = 1  # between two publications
_DATA = 1_000  # in one PutMetricData


def install() -> None:
    """Replace LocalStack's metrics of function versions."""
    metrics = Metrics()
    version_manager.record_cw_metric_invocation = metrics.count_invocation
    version_manager.record_cw_metric_error = metrics.count_error


@dataclass(frozen=True)
class Metric:
    account: str
    region: str
    function: str
    name: str


class Metrics:
    """The counts since the last publication."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Metric] = Counter()
        threading.Thread(target=self._run, name="lambda-metrics", daemon=True).start()

    def count_invocation(self, function_name: str, account_id: str, region_name: str) -> None:
        self._count(account_id, region_name, function_name, "Invocations")

    def count_error(self, function_name: str, account_id: str, region_name: str) -> None:
        self._count(account_id, region_name, function_name, "Invocations", "Errors")

    def _count(self, account: str, region: str, function: str, *names: str) -> None:
        with self._lock:
            self._counts.update(Metric(account, region, function, name) for name in names)

    def _run(self) -> None:
        while not infra_stopping.wait(_SECONDS):
            with self._lock:
                counts, self._counts = self._counts, Counter()
            try:
                _publish(counts)
            except Exception:
                LOG.exception("Lambda's metrics were not saved")


def _publish(counts: Counter[Metric]) -> None:
    now = datetime.now(UTC)
    places = defaultdict[tuple[str, str], list[dict[str, Any]]](list)
    for metric, count in counts.items():
        dimensions = [{"Name": "FunctionName", "Value": metric.function}]
        datum = {"MetricName": metric.name, "Dimensions": dimensions, "Timestamp": now, "Value": count}
        places[metric.account, metric.region].append(datum)
    for (account, region), data in places.items():
        client = connect_to(aws_access_key_id=account, region_name=region).cloudwatch
        for some in itertools.batched(data, _DATA, strict=False):
            client.put_metric_data(Namespace="AWS/Lambda", MetricData=list(some))
