"""Publish a mapping's metrics to CloudWatch and log its offsets once a minute.

It reads counters and asks the brokers for offsets in a thread of its own, so it does not slow records down.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Event, Thread

from millrace_plugin.kafka_trigger.clients import Clients
from millrace_plugin.kafka_trigger.counters import Counters
from millrace_plugin.kafka_trigger.function_arn import parse_function_arn
from millrace_plugin.kafka_trigger.metrics import NAMESPACE, build_metric_data
from millrace_plugin.kafka_trigger.offsets import PartitionOffsets, Position, read_offsets
from millrace_plugin.kafka_trigger.settings import Settings
from millrace_plugin.kafka_trigger.system_log import SystemLog

LOG = logging.getLogger(__name__)
SECONDS = 60.0
STOP_SECONDS = 5.0

Positions = Callable[[], Mapping[int, Position]]


class Reporter:
    def __init__(  # noqa: PLR0913, PLR0917 - what is reported, and where to
        self,
        settings: Settings,
        counters: Counters,
        positions: Positions,
        log: SystemLog,
        clients: Clients,
        seconds: float = SECONDS,
    ) -> None:
        self._settings = settings
        self._counters = counters
        self._positions = positions
        self._log = log
        self._clients = clients
        self._seconds = seconds
        self._published: Counter[str] = Counter()
        self._failing = False
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=f"kafka-trigger-report-{settings.uuid}", daemon=True)

    def start(self) -> None:
        """Report until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Report the last counts, and wait up to STOP_SECONDS for it."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        seconds = random.uniform(0, self._seconds)  # noqa: S311 - spreads mappings that start together
        while not self._stopping.wait(seconds):
            offsets = read_offsets(self._settings)
            self._log.offsets(offsets, self._positions())
            self._publish(offsets)
            seconds = self._seconds
        self._publish(())

    def _publish(self, offsets: Sequence[PartitionOffsets]) -> None:
        """Publish the counts since the last success."""
        counted = Counter(self._counters.as_dict())
        counts = {name: counted[name] - self._published[name] for name in counted}
        region, account, *_ = parse_function_arn(self._settings.function_arn)
        try:
            if data := build_metric_data(self._settings, counts, offsets, datetime.now(UTC)):
                self._clients("cloudwatch", account, region).put_metric_data(Namespace=NAMESPACE, MetricData=data)
        except Exception as error:  # noqa: BLE001 - no metric is worth the mapping
            if not self._failing:
                LOG.warning("The metrics of mapping %s were not published: %s", self._settings.uuid, error)
            self._failing = True
        else:
            self._failing = False
            self._published = counted
