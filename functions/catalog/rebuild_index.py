"""Invoked by `./millrace reindex`: build the search index anew from the database, part by part, without downtime.

Takes `{}` to begin or the last answer's `{"cursor": …}` to go on, and answers with `{"done": n, "total": n, "cursor":
…}`; the cursor is null when the new index has taken the old one's place. It needs the database and OpenSearch alone: a
part that failed is repeated with the same cursor. To begin anew gives up what was begun before.
"""

from typing import Any

import msgspec

from catalog import rebuilding
from catalog.commands import RebuildIndex
from kernel import telemetry
from kernel.aws.lambda_context import LambdaContext


def handler(event: dict[str, object], context: LambdaContext) -> dict[str, Any]:
    telemetry.begin(context.aws_request_id, None)
    cursor = msgspec.convert(event, RebuildIndex).cursor
    progress = rebuilding.advance(cursor) if cursor else rebuilding.begin()
    telemetry.logger.info("index rebuilding", done=progress.done, total=progress.total)
    answer: dict[str, Any] = msgspec.to_builtins(progress)
    return answer
