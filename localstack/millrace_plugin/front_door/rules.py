"""Decide whether a request may enter. `FrontDoor.java` repeats the rules in OpenSearch; the same cases test both."""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

type Headers = Iterable[tuple[str, str]]

_LOCALSTACK_NAME = "localhost.localstack.cloud"
# LocalStack hands out subdomains of these. Browsers resolve no subdomain of 127.0.0.1.
_ABOVE = (f".{_LOCALSTACK_NAME}", ".127.0.0.1")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.IGNORECASE)
_FROM_ELSEWHERE = {"cross-site", "same-site"}
# Hosts for browsers: objects, sites, APIs and functions.
_PAGES = re.compile(
    r".+\.(s3|s3-website|execute-api|lambda-url|cloudfront)\.([a-z0-9-]+\.)*localhost\.localstack\.cloud"
)


def refusal(headers: Headers, target: str = "/", *, has_pages: bool = False) -> str | None:
    """Return why a request is refused, or None. `foreign_origin` checks its Origin.

    headers: names and values of the request's headers.
    target: of the request line.
    has_pages: whether the server is LocalStack, which serves buckets and APIs under names of their own.
    """
    values = _values(headers)
    hosts = values.get("host", [])
    named = [] if target.startswith("/") or "://" not in target else [_authority(target)]
    for host in [*hosts, *named]:
        if not is_own_name(host):
            return f"The host {host!r} is not this machine's: use localhost, 127.0.0.1 or *.{_LOCALSTACK_NAME}."
    if any(values.get("origin", [])):
        return None
    if _FROM_ELSEWHERE & {value.strip().lower() for value in values.get("sec-fetch-site", [])}:
        return "Another site's page may not use this port: open the address itself."
    if _may_be_from_elsewhere(values) and not (has_pages and any(_is_page(host, target) for host in hosts)):
        return "Your browser names no page of this machine: use http://localhost or http://127.0.0.1, or a newer one."
    return None


def foreign_origin(headers: Headers) -> str | None:
    """Return why a page of this Origin may not use a server without an allow-list, or None."""
    for origin in _values(headers).get("origin", []):
        if origin and not is_loopback(_authority(origin)):
            return f"A page of {origin!r} may not use this port: only one of this machine may."
    return None


def is_own_name(host: str) -> bool:
    """Return whether *host*, with or without a port, names this machine: loopback, or LocalStack's public name for it."""
    name = _name(host)
    return is_loopback(host) or name == _LOCALSTACK_NAME or name.endswith(_ABOVE)


def is_loopback(host: str) -> bool:
    """Return whether *host*, with or without a port, is localhost or a loopback address."""
    name = _name(host)
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _is_page(host: str, target: str) -> bool:
    """Return whether this is the address of a page. A query with Action is an AWS request, at any host."""
    query = parse_qs(urlsplit(target).query, keep_blank_values=True)
    return bool(_PAGES.fullmatch(_name(host))) and "Action" not in query


def _may_be_from_elsewhere(values: dict[str, list[str]]) -> bool:
    """Return whether a browser sent this without naming the request's site or a page of this machine.

    Browsers send Sec-Fetch-Site only to https and loopback names, and old ones never.
    """
    browser = any(agent.startswith("Mozilla/") for agent in values.get("user-agent", []))
    pages = [page for page in values.get("referer", []) if page]
    own = bool(pages) and all(is_own_name(_authority(page)) for page in pages)
    return browser and not values.get("sec-fetch-site") and not own


def _authority(url: str) -> str:
    """Return the host of *url* with its port, or an empty string if it is no URL."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def _name(host: str) -> str:
    """Return the name in `name:port` in lower case, or an empty string if it is no host."""
    found = _HOST.fullmatch(host)
    return found[1].lower() if found else ""


def _values(headers: Headers) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value)
    return values
