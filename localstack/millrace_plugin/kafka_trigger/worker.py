"""Keep a mapping's state in the Lambda API, and the sequence of start, update, stop and delete (L3).

It has the interface of LocalStack's own worker and replaces its behaviour. That one sleeps between polls and never
updates `LastProcessingResult`. It also overwrites the state that a replaced worker's successor has set, and keeps a
mapping that was disabled when it was deleted.
"""

import logging
from collections.abc import Callable
from threading import Lock, Thread
from time import monotonic
from typing import ClassVar

from localstack.services.lambda_.event_source_mapping.esm_worker import EsmState, EsmWorker

from millrace_plugin.kafka_trigger import localstack_clients, starting_position
from millrace_plugin.kafka_trigger.localstack_invoker import LocalStackInvoker
from millrace_plugin.kafka_trigger.mapping import KafkaMapping
from millrace_plugin.kafka_trigger.settings import Settings

LOG = logging.getLogger(__name__)
SHUTDOWN_SECONDS = 10


class KafkaWorker(EsmWorker):  # type: ignore[misc]  # LocalStack's class is untyped
    """Run one configuration of a mapping. An update replaces it by another, which starts when this one has stopped."""

    current_state: EsmState
    running: ClassVar[dict[str, KafkaMapping]] = {}
    """The mappings that poll, by UUID. A stopped one stays until its successor starts."""
    _starting: ClassVar[Lock] = Lock()
    """Backlog while a worker starts its mapping or is replaced: one of the two comes first."""
    _shutdown_ends: ClassVar[float | None] = None
    """When LocalStack stops waiting for its mappings, as `monotonic` has it. None until it begins to stop."""

    def __init__(self, worker: EsmWorker, settings: Settings) -> None:
        super().__init__(worker.esm_config, worker.poller, worker.enabled, worker.user_state_reason)
        self._settings = settings
        self._mapping: KafkaMapping | None = None
        self._replaced = False

    def create(self) -> None:
        requested = EsmState(self.esm_config["State"])
        self._set_state(EsmState.CREATING if requested in {EsmState.ENABLED, EsmState.DISABLED} else requested)
        if self.enabled:
            self.start()
        else:
            Thread(target=self._become_disabled, daemon=True).start()

    def start(self) -> None:
        invoker = LocalStackInvoker(self._settings.function_arn)
        mapping = KafkaMapping(self._settings, invoker, self._report, localstack_clients.client)
        self._mapping = mapping
        Thread(target=self._start_after_predecessor, args=(mapping,), daemon=True).start()

    def stop(self) -> None:
        """Stop for an update, which has already registered the next worker."""
        self._replace()
        if self._mapping:
            self._mapping.stop()

    def delete(self, forget: Callable[[], None] = lambda: None) -> None:
        """Stop, and remove the mapping once its invocation has ended.

        forget: called after the mapping is removed.
        """
        self._set_state(EsmState.DELETING)
        Thread(target=self._remove, args=(forget,), daemon=True).start()

    def stop_for_shutdown(self) -> None:
        """Stop every mapping and wait for this one. LocalStack calls it for each before it stops the functions."""
        if KafkaWorker._shutdown_ends is None:
            KafkaWorker._shutdown_ends = monotonic() + SHUTDOWN_SECONDS
        for mapping in list(self.running.values()):
            mapping.stop()
        if self._mapping and not self._mapping.join(max(0, KafkaWorker._shutdown_ends - monotonic())):
            LOG.warning("Mapping %s: an invocation goes on; its records will be delivered again.", self.uuid)

    def _start_after_predecessor(self, mapping: KafkaMapping) -> None:
        self._join_predecessor()
        with self._starting:
            if not self._replaced:
                self.running[self.uuid] = mapping
                mapping.start(started=self._become_enabled)

    def _join_predecessor(self) -> None:
        if predecessor := self.running.get(self.uuid):
            predecessor.join()

    def _replace(self) -> None:
        with self._starting:
            self._replaced = True

    def _become_enabled(self) -> None:
        if self.current_state in {EsmState.CREATING, EsmState.UPDATING, EsmState.ENABLING}:
            self._set_state(EsmState.ENABLED)

    def _become_disabled(self) -> None:
        if self.uuid in self.running:
            self._set_state(EsmState.DISABLING)
            self._join_predecessor()
            with self._starting:
                if not self._replaced:  # otherwise the running mapping is the successor's
                    self.running.pop(self.uuid, None)
        self._set_state(EsmState.DISABLED)

    def _remove(self, forget: Callable[[], None]) -> None:
        self._replace()
        if mapping := self.running.get(self.uuid):
            mapping.stop()
            mapping.join()
        self.running.pop(self.uuid, None)
        starting_position.forget(self.uuid)
        self.delete_esm_in_store()
        forget()

    def _report(self, last_processing_result: str) -> None:
        self._store(LastProcessingResult=last_processing_result)

    def _set_state(self, state: EsmState) -> None:
        with self._state_lock:
            if self.current_state == EsmState.DELETING:  # the last state
                return
            self.current_state = state
            self.state_transition_reason = self.user_state_reason
            self._store(State=state)

    def _store(self, **values: object) -> None:
        configuration = self._state.event_source_mappings.get(self.uuid)
        if configuration is not None and not self._replaced:
            configuration.update(values)
