"""LocalStack's side of a mapping: its states in the Lambda API, and the order of start, update, stop and delete (L3).

LocalStack's own worker polls in a loop that sleeps, forgets `LastProcessingResult`, writes the state of a worker that
an update has replaced, and never removes a mapping that was disabled when it was deleted. This one keeps its interface
and replaces all of that.
"""

import logging
from threading import Thread
from time import monotonic
from typing import ClassVar

from localstack.services.lambda_.event_source_mapping.esm_worker import EsmState, EsmWorker

from millrace_local.kafka_trigger.localstack_invoker import LocalStackInvoker
from millrace_local.kafka_trigger.mapping import KafkaMapping
from millrace_local.kafka_trigger.settings import Settings

LOG = logging.getLogger(__name__)
SHUTDOWN_SECONDS = 10


class KafkaWorker(EsmWorker):  # type: ignore[misc]  # LocalStack's class is untyped
    """Made anew by each update: the new worker's mapping starts when its predecessor's has stopped."""

    running: ClassVar[dict[str, KafkaMapping]] = {}
    """Each mapping that polls, by UUID: what `/_millrace/mappings` shows."""
    _shutdown_ends: ClassVar[float | None] = None
    """When LocalStack's stop waits no longer: for all mappings together."""

    def __init__(self, worker: EsmWorker, settings: Settings) -> None:
        super().__init__(worker.esm_config, worker.poller, worker.enabled, worker.user_state_reason)
        self._settings = settings
        self._mapping: KafkaMapping | None = None
        self._predecessor = self.running.get(settings.uuid)
        self._replaced = False

    def create(self) -> None:
        self._show(EsmState.CREATING if self._predecessor is None else EsmState.UPDATING)
        if self.enabled:
            self.start()
        else:
            Thread(target=self._become_disabled, daemon=True).start()

    def start(self) -> None:
        mapping = KafkaMapping(self._settings, LocalStackInvoker(self._settings.function_arn), self._report)
        self._mapping = mapping
        Thread(target=self._start_after_predecessor, args=(mapping,), daemon=True).start()

    def stop(self) -> None:
        """Called by an update, which has already put another worker in this one's place."""
        self._replaced = True
        if self._mapping:
            self._mapping.stop()

    def delete(self) -> None:
        self._show(EsmState.DELETING)
        Thread(target=self._disappear, daemon=True).start()

    def stop_for_shutdown(self) -> None:
        """Stop every mapping, and wait for this one: LocalStack calls this for each before it stops the functions."""
        if KafkaWorker._shutdown_ends is None:
            KafkaWorker._shutdown_ends = monotonic() + SHUTDOWN_SECONDS
        for mapping in list(self.running.values()):
            mapping.stop()
        if self._mapping and not self._mapping.join(max(0, KafkaWorker._shutdown_ends - monotonic())):
            LOG.warning("Mapping %s: an invocation goes on; its records will be delivered again.", self.uuid)

    def _start_after_predecessor(self, mapping: KafkaMapping) -> None:
        if self._predecessor:
            self._predecessor.join()
        if not self._replaced:
            self.running[self.uuid] = mapping
            mapping.start(started=self._become_enabled)

    def _become_enabled(self) -> None:
        if self.current_state in {EsmState.CREATING, EsmState.UPDATING, EsmState.ENABLING}:
            self._show(EsmState.ENABLED)

    def _become_disabled(self) -> None:
        if self._predecessor:
            self._show(EsmState.DISABLING)
            self._predecessor.join()
            self.running.pop(self.uuid, None)
        self._show(EsmState.DISABLED)

    def _disappear(self) -> None:
        self._replaced = True
        for mapping in (self._predecessor, self._mapping):
            if mapping:
                mapping.stop()
                mapping.join()
        self.running.pop(self.uuid, None)
        self.delete_esm_in_store()

    def _report(self, last_processing_result: str) -> None:
        self._store(LastProcessingResult=last_processing_result)

    def _show(self, state: EsmState) -> None:
        with self._state_lock:
            self.current_state = state
            self.state_transition_reason = self.user_state_reason
            self._store(State=state)

    def _store(self, **values: object) -> None:
        configuration = self._state.event_source_mappings.get(self.uuid)
        if configuration is not None and not self._replaced:
            configuration.update(values)
