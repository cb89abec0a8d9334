"""DELETE /api/v1/blogs/{id}: delete the caller's own blog post."""

from http import HTTPStatus

from blogs import cache, model, store
from blogs.database import transaction
from kernel.errors import PreconditionFailedError
from kernel.messaging import outbox
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request


@endpoint(status=HTTPStatus.NO_CONTENT, scope="user", rate="write", raises=(PreconditionFailedError,))
def handler(request: Request) -> None:
    blog_id, author = request.id(), request.user_id
    with cache.posts.changing(blog_id), transaction() as connection:
        blog = model.require_owned(store.lock(connection, blog_id, author), author)
        etags.check(request, blog.version)
        store.delete(connection, blog)
        outbox.add_many(connection, model.announce(blog, None))
