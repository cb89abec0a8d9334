"""Blog posts in Redis, by id: most are read far more often than they are changed."""

from uuid import UUID

from blogs import store
from blogs.database import transaction
from blogs.model import Blog
from kernel.storage.cache import Cache

# How long a stale version may be read if Redis was unreachable when the post was changed.
SECONDS = 60

posts = Cache("blogs", Blog, SECONDS)


def get(blog_id: UUID) -> Blog | None:
    """Return the post from Redis, or else from Postgres; None if it does not exist."""

    def load() -> Blog | None:
        with transaction() as connection:
            return store.get(connection, blog_id)

    return posts.get_or_load(blog_id, load)
