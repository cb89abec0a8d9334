"""A projection that shows whether an event was applied once: how many there were of each product, and of which versions."""

from typing import Any

from kernel.contracts.catalog import ProductCreated, ProductDeleted, ProductEvent
from kernel.messaging.consumer import Consumer
from kernel.messaging.events import Reader
from kernel.messaging.rebuilding import Rebuild, RebuildProjection
from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run
from kernel.storage.database import Connection
from tests.kit.databases import Database
from tests.kit.lambda_events import Context

REFUSED = 666


def tally(connection: Connection, several: list[ProductEvent]) -> None:
    if any(event.version == REFUSED for event in several):
        raise ValueError(REFUSED)
    for event in several:
        connection.execute(
            """
            INSERT INTO tallies AS known VALUES (%s, 1, %s) ON CONFLICT (product) DO UPDATE
            SET events = known.events + 1, versions = known.versions + excluded.versions
            """,
            (event.product_id, event.version),
        )


CONSUMER: Consumer[Any] = Consumer(
    domain="orders",
    contracts=(ProductCreated, ProductDeleted),
    read=Reader(ProductCreated, ProductDeleted).read,
    effect=tally,
    together=True,
    projection=("tallies",),
)


def create(database: Database) -> None:
    with database.connect() as owner:
        owner.execute(
            """
            CREATE TABLE tallies (product uuid PRIMARY KEY, events bigint NOT NULL, versions bigint CHECK (versions > 0));
            CREATE INDEX tallies_by_events ON tallies (events DESC) WHERE events > 1;
            REVOKE DELETE ON tallies FROM orders_app;
            """
        )


def rows(database: Database) -> list[tuple[Any, ...]]:
    return database.rows("SELECT product::text, events, versions FROM tallies ORDER BY product")


def run(action: str, **options: object) -> Any:  # noqa: ANN401 - each action's own
    """Carry out the rebuild's *action* to its end. Returns the result."""
    command = RebuildProjection(action=action, **options)  # type: ignore[arg-type]  # the test's own words
    context: Any = Context(milliseconds=900_000)
    with TopicLog() as log:
        *_, last = Rebuild("orders", CONSUMER).parts(command, Run(context), log)
    assert last.next is None
    return last.result


def built() -> Any:  # noqa: ANN401 - as above
    return run("build", execute=True)
