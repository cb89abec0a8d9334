"""blog-events: notify authors that their blog was created or updated."""

from kernel.contracts.blogs import BlogEvent, BlogPublished, BlogUpdated
from kernel.messaging import consumer
from kernel.storage.database import Connection
from notifications import model, notices


@consumer.batch(BlogPublished, BlogUpdated, ignores_replays=True)
def handler(connection: Connection, events: list[BlogEvent]) -> None:
    notices.notify(connection, [model.of_blog(event) for event in events])
