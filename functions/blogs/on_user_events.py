"""user-events: delete the posts of users who deleted their account, and publish that the published ones are gone."""

from uuid import UUID

from blogs import cache, store
from kernel.contracts.blogs import BlogDeleted
from kernel.contracts.users import UserDeleted
from kernel.messaging import consumer, forgetting, outbox
from kernel.storage.database import Connection


def forget_part(connection: Connection, people: list[UUID]) -> int:
    """Delete a part of the people's posts and kept answers. Returns the number of rows."""
    posts = store.forget(connection, people, forgetting.MOST_ROWS)
    # A mirror of the posts needs only the id of a deleted one.
    told = [BlogDeleted(blog_id=post.blog_id, title="", author_id=post.author_id) for post in posts if post.published]
    outbox.add_many(connection, told)
    for post in posts:
        cache.posts.invalidate(post.blog_id)
    return len(posts) + forgetting.forget_rows(connection, people)


@consumer.batch(UserDeleted, before=forgetting.by(forget_part), idempotent_without_inbox=True)
def handler(_connection: Connection, _events: list[UserDeleted]) -> None:
    """Acknowledge the events: the people are forgotten."""
