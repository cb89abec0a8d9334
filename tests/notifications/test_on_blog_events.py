"""Authors are told what became of their blogs."""

from uuid import uuid4

from kernel.contracts.blogs import BlogDeleted, BlogPublished, BlogUpdated
from notifications.on_blog_events import handler
from tests.kit.databases import Database
from tests.kit.lambda_events import Context
from tests.kit.published import delivered
from tests.notifications.reading import SignIn, messages


def test_tells_the_author_of_a_blog_that_was_published_and_updated(notifications: Database, sign_in: SignIn) -> None:
    """Each event becomes an in-app notification of its author, with exactly these texts, the newest first."""
    ada, blog_id = uuid4(), uuid4()
    published = BlogPublished(blog_id=blog_id, title="My Blog", author_id=ada)
    updated = BlogUpdated(blog_id=blog_id, title="My Blog", author_id=ada)
    handler(delivered(published, updated), Context())
    assert messages(sign_in(ada)) == [
        ("in-app", "Your blog My Blog has been updated"),
        ("in-app", "Your blog My Blog has been created"),
    ]


def test_is_silent_about_a_deleted_blog(notifications: Database, sign_in: SignIn) -> None:
    """A deletion is skipped: nobody is told, and nothing is dead-lettered."""
    ada = uuid4()
    answer = handler(delivered(BlogDeleted(blog_id=uuid4(), title="My Blog", author_id=ada)), Context())
    assert answer == {"batchItemFailures": []}
    assert messages(sign_in(ada)) == []
    assert notifications.rows("SELECT * FROM outbox") == []


def test_keeps_the_order_of_a_large_batch(notifications: Database, sign_in: SignIn) -> None:
    """A hundred events of one batch are listed in their order, though they were added at once."""
    ada = uuid4()
    several = [BlogPublished(blog_id=uuid4(), title=str(number), author_id=ada) for number in range(100)]
    handler(delivered(*several), Context())
    titles = [message.split()[2] for _, message in messages(sign_in(ada))]
    assert titles == [str(number) for number in reversed(range(100))]
