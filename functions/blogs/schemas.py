"""What the blogs API takes and gives."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from blogs.model import Status
from kernel.texts import Line
from kernel.web.pages import Page

Content = Annotated[str, Meta(min_length=1, max_length=100_000)]


class CreateBlog(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    title: Line
    content: Content
    status: Status = "published"


class UpdateBlog(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """*status*: None keeps the present one."""

    title: Line
    content: Content
    status: Status | None = None


class ListBlogs(Page, frozen=True, rename="camel"):
    """*status*: `draft` lists the caller's own drafts."""

    status: Status = "published"
    author_id: UUID | None = None


class BlogSummary(Struct, frozen=True, rename="camel"):
    """A post in a list; *excerpt*: its content's first 300 characters."""

    id: UUID
    author_id: UUID
    title: str
    excerpt: str
    status: Status
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None

    def position(self) -> tuple[object, ...]:
        """Return its place in the list, where the next page begins."""
        return (self.published_at or self.created_at, self.id)
