"""How events, records and what became of them are told in one line each."""

from datetime import UTC, datetime
from typing import Any

type Json = dict[str, Any]

MARKS = ("replay_id", "redrive_id", "redrive_count", "for_consumer")


def moment(time: str | int) -> str:
    """Return a time, RFC 3339 or in milliseconds, as the command line prints it."""
    found = datetime.fromtimestamp(time / 1000, UTC) if isinstance(time, int) else datetime.fromisoformat(time)
    return found.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def request(told: Json) -> str:
    route = " ".join(filter(None, (told["method"], told["route"]))) or "a request"
    return (
        f"{route} → {told['status']} at {moment(told['at'])} in {told['duration_ms']} ms, by {told['function']}, "
        f"X-Request-Id {told['request_id']}"
    )


def outbox(row: Json | None) -> str:
    if row is None:
        return "no row: published rows are kept for some days, and records of others never had one"
    stored = f"{row['domain']}, row {row['id']}, stored {moment(row['created_at'])}"
    if row["parked_at"]:
        return f"{stored}, PARKED {moment(row['parked_at'])}: {row['parked_reason']}. See ./millrace outbox list"
    if row["published_at"] is None:
        return f"{stored}, WAITS to be published"
    waited = datetime.fromisoformat(row["published_at"]) - datetime.fromisoformat(row["created_at"])
    return f"{stored}, published {waited.total_seconds() * 1000:.0f} ms later"


def record(found: Json) -> str:
    marked = "".join(f", {name} {value}" for name, value in marks(found).items())
    key = "without a key" if found["key"] is None else f"key {found['key']}"
    return f"{found['topic']}, partition {found['partition']}, offset {found['offset']}, {moment(found['timestamp'])}, {key}{marked}"


def marks(found: Json) -> dict[str, str]:
    """Return the headers by which a replay or a redrive marked the record."""
    return {name: found["headers"][name] for name in MARKS if name in found["headers"]}


def state(step: Json) -> str:
    """Return what a consumer did, and how far its group has read."""
    if step["committed"] is None:
        read = "its group has committed nothing there yet"
    else:
        read = f"its group goes on at offset {step['committed']}"
    why = f", {step['explanation']}" if step["explanation"] else ""
    return f"{step['state']}{why} ({read})"


def follower(row: Json) -> str:
    headers = row["headers"]
    waits = "" if row["published_at"] else ", not yet published"
    return f"{headers.get('ce_type', 'a record')} {headers.get('ce_id', '')} on {row['topic']}{waits}"


def letter(found: Json) -> str:
    error = found["error"]
    place = (
        "still in the outbox"
        if found["offset"] is None
        else f"partition {found['partition']}, offset {found['offset']}"
    )
    where = f" at {error['error_where']}" if "error_where" in error else ""
    done = (
        f"; {found['state']} by task {found['task']}"
        if found["task"]
        else f"; {found['state']}"
        if found["state"]
        else ""
    )
    cause = f"{error.get('error_class')}: {error.get('error_message')}{where}, fingerprint {error.get('fingerprint')}"
    return f"{found['topic']}, {place}, attempt {error.get('attempts')}; {cause}{done}"
