"""DELETE /api/v1/blogs/{id}: delete the caller's own blog post."""

from http import HTTPStatus

from blogs import cache, model, store
from kernel import etags, http, outbox
from kernel.database import transaction
from kernel.errors import PreconditionFailedError


@http.endpoint(status=HTTPStatus.NO_CONTENT, scope="user", rate="write", raises=(PreconditionFailedError,))
def handler(request: http.Request) -> None:
    blog_id, author = request.id(), request.user_id
    with cache.posts.changing(blog_id), transaction("blogs") as connection:
        blog = model.owned(store.lock(connection, blog_id, author), author)
        etags.check(request, blog.version)
        store.delete(connection, blog)
        outbox.add_many(connection, model.news(blog, None))
