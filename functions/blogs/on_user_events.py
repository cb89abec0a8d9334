"""user-events: delete the posts of who deleted their account, and tell others of those that were published."""

from uuid import UUID

from blogs import cache, store
from kernel.contracts.blogs import BlogDeleted
from kernel.contracts.users import UserDeleted
from kernel.messaging import consumer, forgetting, outbox
from kernel.storage.database import Connection


def forget_part(connection: Connection, people: list[UUID]) -> int:
    """Forget a part of the people's posts and kept answers; return how many rows."""
    posts = store.forget(connection, people, forgetting.MOST_ROWS)
    # Who mirrors posts needs no more than the id of one that is gone.
    told = [BlogDeleted(blog_id=post.blog_id, title="", author_id=post.author_id) for post in posts if post.published]
    outbox.add_many(connection, told)
    for post in posts:
        cache.posts.invalidate(post.blog_id)
    return len(posts) + forgetting.forget_rows(connection, people)


@consumer.batch(UserDeleted, before=forgetting.by(forget_part))
def handler(_connection: Connection, _events: list[UserDeleted]) -> None:
    """Acknowledge the events: the people are forgotten."""
