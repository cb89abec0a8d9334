"""The Postman collection, run as it is by Postman's own runner: every request of it does what the API promises."""

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from millrace_local.instance import node_program
from millrace_local.servers import stripe_account
from tests.end_to_end.commerce import seller
from tests.kit.cloud import Cloud
from tools.postman import collection


@pytest.mark.timeout(900)  # each function's first call starts a process, on a machine that may be busy
def test_every_request_of_the_collection_succeeds(cloud: Cloud, tmp_path: Path) -> None:
    """In the order that it has, each one asserted, by a user who may change products."""
    with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as api:
        account = seller(cloud, api)
    run = newman(
        tmp_path / "report.json",
        baseUrl=cloud.instance.api_url,
        username=account.username,
        password=account.password,
        stripeWebhookSecret=stripe_account.local(cloud.instance).webhook_secrets[0],
    )
    items = [item["id"] for folder in collection.collection()["item"] for item in folder["item"]]

    assert [f"{each['source'].get('name')}: {each['error']['message']}" for each in run["failures"]] == []
    # What a script sends before a request is an execution of the same item.
    assert list(dict.fromkeys(each["item"]["id"] for each in run["executions"])) == items
    assert all(each.get("assertions") for each in run["executions"])


def newman(report: Path, **variables: str) -> dict[str, Any]:
    """Run the collection with *variables* of an environment; what came of it."""
    given = [word for name, value in variables.items() for word in ("--env-var", f"{name}={value}")]
    options = ["--timeout-request", "30000", "--reporters", "json", "--reporter-json-export", str(report)]
    command: list[str | Path] = [*node_program("newman"), "run", str(collection.FILE), *given, *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert report.exists(), ran.stdout + ran.stderr
    found: dict[str, Any] = json.loads(report.read_text())["run"]
    return found
