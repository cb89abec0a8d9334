"""`./millrace invoke`: run one function."""

import base64
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from millrace_local.cli.output import notices, print_json
from millrace_local.deployment import stages
from millrace_local.instance import Instance
from millrace_local.problems import LocalCloudError


def command(
    function: Annotated[str, typer.Argument(help="Logical id in template.yaml, e.g. OperationsGetHealth.")],
    *,
    event: Annotated[Path | None, typer.Option(help="File with the event as JSON, - for standard input.")] = None,
) -> None:
    """Invoke a function and print its result, with its log on standard error. Exit with 1 if the function failed.

    Example: ./millrace invoke OperationsGetHealth --event event.json
    """
    instance = Instance.from_environment()
    deployed, payload = stages.local(instance).function(function), _read(event)
    answer = deployed.client.invoke(FunctionName=deployed.name, Payload=payload, LogType="Tail")
    log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
    notices.print(log, markup=False, style="dim", soft_wrap=True)
    print_json(json.load(answer["Payload"]))
    sys.exit("FunctionError" in answer)


def _read(event: Path | None) -> bytes:
    if event is None:
        return b"{}"
    try:
        text = sys.stdin.read() if str(event) == "-" else event.read_text()
        return json.dumps(json.loads(text)).encode()
    except OSError as error:
        message = f"The event file {event} cannot be read: {error.strerror}."
        raise LocalCloudError(message) from error
    except ValueError as error:
        message = f"The event file {event} is not JSON: {error}."
        raise LocalCloudError(message) from error
