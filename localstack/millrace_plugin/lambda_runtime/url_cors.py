"""Apply `Cors` of a function's URL: the headers of its answers, and checks of its values.

AWS: "Creating and managing Lambda function URLs", "Cors" of the API reference.
"""

from collections.abc import Iterator, Mapping
from typing import Any

type Cors = Mapping[str, Any]

METHODS = ("GET", "PUT", "HEAD", "POST", "PATCH", "DELETE", "*")
LONGEST_AGE = 86_400
_LISTS = {"AllowHeaders": 1024, "AllowMethods": 6, "AllowOrigins": 253, "ExposeHeaders": 1024}  # length of a member
_MOST_MEMBERS = 100


def allows(cors: Cors, origin: str | None) -> bool:
    """Return whether a page of *origin* may use the URL."""
    allowed = cors.get("AllowOrigins") or ()
    return bool(origin) and ("*" in allowed or origin in allowed)


def headers(cors: Cors, origin: str | None, *, is_preflight: bool) -> Iterator[tuple[str, str]]:
    """Yield the CORS headers of an answer. AWS names the origin itself even if all are allowed."""
    yield "Vary", "Origin"
    if not origin or not allows(cors, origin):
        return
    yield "Access-Control-Allow-Origin", origin
    if cors.get("AllowCredentials"):
        yield "Access-Control-Allow-Credentials", "true"
    if not is_preflight:
        yield from _list_header("Access-Control-Expose-Headers", cors.get("ExposeHeaders"))
        return
    yield from _list_header("Access-Control-Allow-Headers", cors.get("AllowHeaders"))
    yield from _list_header("Access-Control-Allow-Methods", cors.get("AllowMethods"))
    if cors.get("MaxAge") is not None:
        yield "Access-Control-Max-Age", str(cors["MaxAge"])


def problem(cors: Cors) -> str | None:
    """Return why Lambda refuses *cors*, or None."""
    if unknown := [method for method in cors.get("AllowMethods") or () if method not in METHODS]:
        return f"{unknown[0]} is no value of Cors.AllowMethods: use {', '.join(METHODS)}. OPTIONS is always answered."
    for name, longest in _LISTS.items():
        values = cors.get(name) or []
        if len(values) > _MOST_MEMBERS or any(len(value) > longest for value in values):
            return f"Cors.{name} has at most {_MOST_MEMBERS} members of at most {longest} characters."
    if not 0 <= (cors.get("MaxAge") or 0) <= LONGEST_AGE:
        return f"Cors.MaxAge is a number of seconds from 0 to {LONGEST_AGE}."
    return None


def _list_header(name: str, values: list[str] | None) -> Iterator[tuple[str, str]]:
    if values:
        yield name, ",".join(values)
