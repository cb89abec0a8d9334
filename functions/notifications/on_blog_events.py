"""blog-events: tell authors that their blog was created or updated."""

from kernel.contracts.blogs import BlogEvent, BlogPublished, BlogUpdated
from kernel.storage.database import Connection
from notifications import model
from notifications.consumers import consumer_of
from notifications.model import Notice


@consumer_of(BlogPublished, BlogUpdated)
def handler(_connection: Connection, events: list[BlogEvent]) -> list[Notice]:
    return [model.of_blog(event) for event in events]
