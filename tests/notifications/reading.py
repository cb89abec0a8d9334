"""What users see of their notifications, through the API."""

from collections.abc import Callable
from typing import Any

from notifications import list_notifications
from tests.kit.api import call

type SignIn = Callable[..., dict[str, str]]


def listed(headers: dict[str, str]) -> list[dict[str, Any]]:
    """The first page of the list of the user who signed in with *headers*."""
    found: list[dict[str, Any]] = call(list_notifications.handler, headers=headers).body
    return found


def messages(headers: dict[str, str]) -> list[tuple[str, str]]:
    return [(each["type"], each["message"]) for each in listed(headers)]
