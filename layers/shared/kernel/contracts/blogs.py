"""Changes of published blog posts. A draft has no events until it is published."""

from typing import ClassVar
from uuid import UUID

from kernel.contracts.event import Event


class BlogEvent(Event, frozen=True, kw_only=True, tag_field="type"):
    """The base of the blog events. *title*: after the event."""

    topic: ClassVar[str] = "blog-events"
    key: ClassVar[str] = "blog_id"
    source: ClassVar[str] = "/blogs"

    blog_id: UUID
    title: str
    author_id: UUID


class BlogPublished(BlogEvent, frozen=True, kw_only=True, tag="blog-published"):
    """A post became visible: it was created as published, or its draft was published."""


class BlogUpdated(BlogEvent, frozen=True, kw_only=True, tag="blog-updated"):
    """The title or the content of a published post was changed."""


class BlogDeleted(BlogEvent, frozen=True, kw_only=True, tag="blog-deleted"):
    """A published post was deleted. *title*: empty if its author's account was deleted."""
