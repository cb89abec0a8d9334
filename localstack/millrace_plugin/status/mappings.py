"""Read what the trigger knows of every Kafka mapping, and ask the brokers for the lag."""

import contextlib
import time
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from confluent_kafka import KafkaException

from millrace_plugin.kafka_trigger import lambda_api
from millrace_plugin.kafka_trigger.conditions import Member
from millrace_plugin.kafka_trigger.function_arn import parse_function_arn
from millrace_plugin.kafka_trigger.settings import Settings
from millrace_plugin.kafka_trigger.worker import KafkaWorker
from millrace_plugin.settings import STACK, kafka_bootstrap
from millrace_plugin.status import (
    descriptions,
    explanations,
    function_conditions,
    functions,
    group_members,
    lag,
    lambda_provider,
)
from millrace_plugin.status.structures import Mapping, Mappings


def read(seconds: float) -> Mappings:
    """Return every Kafka mapping with its lag. The brokers have *seconds* to answer each request."""
    found = describe()
    answers = _ask_brokers(found, seconds)
    told = [descriptions.with_lag(each, answers[each.bootstrap]) for each in found]
    others = _ask_for_members([each for each in told if explanations.is_short_of_partitions(each)], seconds)
    return Mappings(
        mappings=tuple(explanations.complete(each, answers[each.bootstrap], others.get(each.uuid, ())) for each in told)
    )


def describe() -> list[Mapping]:
    """Return every Kafka mapping without its lag, which only the brokers know."""
    logical_ids = functions.logical_ids(STACK)
    found = []
    for configuration in lambda_api.stored_mappings():
        settings = Settings.from_configuration(configuration, kafka_bootstrap())
        running = KafkaWorker.running.get(settings.uuid)
        state = lambda_provider.mapping_state(settings.uuid)
        name = parse_function_arn(settings.function_arn)[2]
        last_result = str(configuration.get("LastProcessingResult") or "")
        found.append(
            Mapping(
                function=logical_ids.get(name, name),
                topic=settings.topic,
                group=settings.group,
                state=state[0] if state else str(configuration["State"]),
                reason=state[1] if state else None,
                last_result=last_result or None,
                counters=running.counters.as_dict() if running else None,
                batch_size=settings.batch_size,
                window_seconds=settings.window_seconds,
                filters=bool(settings.filters),
                owned=running.owned_partitions() if running else None,
                last_modified=_aware(configuration.get("LastModified")),
                conditions=(
                    *(running.conditions() if running else ()),
                    *function_conditions.read(settings.function_arn),
                ),
                bootstrap=settings.bootstrap,
                function_arn=settings.function_arn,
                uuid=settings.uuid,
                warnings=tuple(lambda_api.warnings(configuration)),
                problem=last_result if last_result.startswith("PROBLEM") else None,
            )
        )
    return found


def _aware(moment: datetime | None) -> datetime | None:
    """Return *moment* with a time zone: LocalStack's own moments are in the machine's, and do not say so."""
    return moment.astimezone(UTC) if moment else None


def _ask_brokers(mappings: Iterable[Mapping], seconds: float) -> dict[str, descriptions.Answer]:
    """Return each Kafka's answer by its bootstrap servers; all are asked at once."""
    readings: dict[str, list[lag.Reading]] = {}
    for each in mappings:
        readings.setdefault(each.bootstrap, []).append((each.group, each.topic))
    # Not in a `with` block, which would wait for the brokers that hang.
    threads = ThreadPoolExecutor(max(1, len(readings)), "millrace-status")
    asked = {bootstrap: threads.submit(lag.read, bootstrap, wanted, seconds) for bootstrap, wanted in readings.items()}
    threads.shutdown(wait=False)
    deadline = time.monotonic() + seconds
    answers: dict[str, descriptions.Answer] = {}
    for bootstrap, future in asked.items():
        try:
            answers[bootstrap] = future.result(max(0, deadline - time.monotonic()))
        except TimeoutError:
            answers[bootstrap] = TimeoutError(f"{bootstrap} does not answer within {seconds:g} s")
        except KafkaException as error:
            answers[bootstrap] = TimeoutError(f"{bootstrap} does not answer ({error.args[0].str()})")
        except Exception as error:  # noqa: BLE001 - it is the answer
            answers[bootstrap] = error
    return answers


def _ask_for_members(mappings: Collection[Mapping], seconds: float) -> dict[str, tuple[Member, ...]]:
    """Return the other members of each mapping's group, by the mapping's UUID. Without an answer they are unknown."""
    threads = ThreadPoolExecutor(max(1, len(mappings)), "millrace-status")
    asked = {each.uuid: threads.submit(group_members.read, each, seconds) for each in mappings}
    threads.shutdown(wait=False)
    deadline = time.monotonic() + seconds
    found = {}
    for uuid, future in asked.items():
        with contextlib.suppress(TimeoutError, KafkaException):
            found[uuid] = future.result(max(0, deadline - time.monotonic()))
    return found
