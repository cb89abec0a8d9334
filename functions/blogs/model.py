"""A blog post and its rules: who sees it, who changes it, and what the world is told of it."""

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

    def visible_to(self, reader: UUID | None) -> bool:
        return self.status == "published" or self.author_id == reader

    def revised(self, title: str, content: str, status: Status | None) -> "Blog":
        """The post with its new text, published if *status* says so. Raises ConflictError if it is to be a draft again.

        What was published has been announced, and read: it can be deleted, but not be made never to have happened.
        """
        if self.status == "published" and status == "draft":
            raise ConflictError("A published post cannot become a draft again. Delete it to withdraw it.")
        return replace(self, title=title, content=content, status=status or self.status)


def visible(blog: Blog | None, reader: UUID | None) -> Blog:
    """*blog*, if there is one that *reader* may see; else NotFoundError, which does not tell one from the other."""
    if blog is None or not blog.visible_to(reader):
        raise NotFoundError("There is no such blog post.")
    return blog


def owned(blog: Blog | None, author: UUID) -> Blog:
    """*blog*, if *author* may change it. Raises NotFoundError as `visible`, ForbiddenError if others may only read."""
    blog = visible(blog, author)
    if blog.author_id != author:
        raise ForbiddenError("Only its author may change a blog post.")
    return blog


def news(before: Blog | None, after: Blog | None) -> list[BlogEvent]:
    """What readers are told when a post that was *before* is now *after*; None: there was, or is, none."""
    was, now = (blog if blog and blog.status == "published" else None for blog in (before, after))
    blog = now or was
    if blog is None:
        return []
    event = BlogUpdated if now and was else BlogPublished if now else BlogDeleted
    return [event(blog_id=blog.id, title=blog.title, author_id=blog.author_id)]
