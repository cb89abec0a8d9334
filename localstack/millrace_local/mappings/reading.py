"""Read a stage's mappings: on the local cloud from the trigger itself, on AWS from what Lambda tells."""

import msgspec

from millrace_local.cloud import application
from millrace_local.mappings import on_aws, pauses
from millrace_local.mappings.breakers import with_breakers
from millrace_local.mappings.place import Place
from millrace_local.problems import LocalCloudError
from millrace_plugin.status.structures import Mapping

SECONDS = 8
"""How long LocalStack and the brokers behind it may take."""


class NoLocalStackError(LocalCloudError):
    """LocalStack does not answer. The message is its own reason."""


def read(place: Place) -> tuple[Mapping, ...]:
    """Return the mappings, sorted by function. A paused one has in its condition who paused it, if that is known.

    Raises NoLocalStackError on the local cloud, and LocalCloudError for a stage that cannot be read.
    """
    if place.is_local:
        try:
            found = application.mappings(place.instance, SECONDS).mappings
        except OSError as error:
            raise NoLocalStackError(str(error)) from error
    else:
        found = on_aws.read(place.stage)
    told = tuple(_with_note(each, place) if each.state == "Disabled" else each for each in found)
    told = with_breakers(told, place)
    return tuple(sorted(told, key=lambda each: (place.name(each), each.topic, each.uuid)))


def select(mappings: tuple[Mapping, ...], wanted: str, place: Place) -> tuple[Mapping, ...]:
    """Return the mappings that *wanted* names: a UUID, a function's name or path, or a topic.

    Raises LocalCloudError, which lists the names that there are, if it names none.
    """
    found = tuple(
        each
        for each in mappings
        if wanted in {each.uuid, each.function, place.name(each), each.topic, each.function_arn.rpartition(":")[2]}
    )
    if found:
        return found
    names = sorted({place.name(each) for each in mappings} | {each.topic for each in mappings})
    message = f"There is no mapping {wanted!r}. Name one of: {', '.join(names) or 'none is there'}."
    raise LocalCloudError(message)


def one(place: Place, wanted: str) -> Mapping:
    """Return the only mapping that *wanted* names. Raises LocalCloudError if it names several, or none."""
    found = select(read(place), wanted, place)
    if len(found) > 1:
        names = ", ".join(place.name(each) for each in found)
        message = f"{wanted!r} names {len(found)} mappings. Name one of: {names}."
        raise LocalCloudError(message)
    return found[0]


def _with_note(mapping: Mapping, place: Place) -> Mapping:
    note = pauses.note(place.stage, mapping)
    conditions = tuple(
        msgspec.structs.replace(each, detail=note) if each.cause == "disabled" and note else each
        for each in mapping.conditions
    )
    return msgspec.structs.replace(mapping, conditions=conditions)
