"""A blog post and its rules: who may read it, who may change it, and what is published about it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from kernel.contracts.blogs import BlogDeleted, BlogEvent, BlogPublished, BlogUpdated
from kernel.errors import ConflictError, ForbiddenError, NotFoundError

Status = Literal["draft", "published"]


class Blog(Struct, frozen=True, rename="camel"):
    """*content* is Markdown, kept as it was given. *version* counts the changes, from 1."""

    id: UUID
    author_id: UUID
    title: str
    content: str
    status: Status
    version: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None

    def is_visible_to(self, reader: UUID | None) -> bool:
        """Return whether *reader* may read the post. *reader*: None for somebody who is not signed in."""
        return self.status == "published" or self.author_id == reader

    def revise(self, title: str, content: str, status: Status | None) -> "Blog":
        """Return the post with another text. *status*: None keeps the present one.

        Raises ConflictError if a published post is to become a draft: it has been announced and read by then.
        """
        if self.status == "published" and status == "draft":
            raise ConflictError("A published post cannot become a draft again. Delete it to withdraw it.")
        return replace(self, title=title, content=content, status=status or self.status)


def require_visible(blog: Blog | None, reader: UUID | None) -> Blog:
    """Return *blog*.

    Raises NotFoundError both when it does not exist and when *reader* may not read it, so the answer reveals neither.
    """
    if blog is None or not blog.is_visible_to(reader):
        raise NotFoundError("There is no such blog post.")
    return blog


def require_owned(blog: Blog | None, author: UUID) -> Blog:
    """Return *blog*. Raises NotFoundError as `require_visible` does, ForbiddenError if *author* may only read it."""
    blog = require_visible(blog, author)
    if blog.author_id != author:
        raise ForbiddenError("Only the author can change a blog post.")
    return blog


def announce(before: Blog | None, after: Blog | None) -> list[BlogEvent]:
    """Return the events to publish about a change. Drafts have none.

    *before*: None for a new post.
    *after*: None for a deleted post.
    """
    was, now = (blog if blog and blog.status == "published" else None for blog in (before, after))
    blog = now or was
    if blog is None:
        return []
    event = BlogUpdated if now and was else BlogPublished if now else BlogDeleted
    return [event(blog_id=blog.id, title=blog.title, author_id=blog.author_id)]
