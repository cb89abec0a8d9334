"""GET /api/v1/blogs: published blog posts, or the caller's own drafts, newest first."""

from blogs import store
from blogs.database import transaction
from blogs.schemas import BlogSummary, ListBlogs
from kernel.errors import ForbiddenError
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply


@endpoint(token_optional=True, rate="read", raises=(ForbiddenError,))
def handler(request: Request[None, ListBlogs]) -> Reply[list[BlogSummary]]:
    page = request.query
    author = request.user_id if page.status == "draft" else page.author_id
    if page.author_id not in (None, author):
        raise ForbiddenError("Only their author can list drafts.")
    with transaction() as connection:
        blogs = store.newest(connection, author, page)
    return page.reply(blogs, BlogSummary.position)
