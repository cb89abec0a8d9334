"""PUT /api/v1/blogs/{id}: change the text of the caller's own blog post, or publish its draft."""

from blogs import cache, model, store
from blogs.database import transaction
from blogs.model import Blog
from blogs.schemas import UpdateBlog
from kernel.errors import ConflictError, PreconditionFailedError
from kernel.messaging import outbox
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import LARGEST_CONTENT_BODY, Request
from kernel.web.responses import Reply


@endpoint(
    scope="user", rate="write", largest_body=LARGEST_CONTENT_BODY, raises=(ConflictError, PreconditionFailedError)
)
def handler(request: Request[UpdateBlog]) -> Reply[Blog]:
    blog_id, author, command = request.id(), request.user_id, request.body
    with cache.posts.changing(blog_id), transaction() as connection:
        blog = model.require_owned(store.lock(connection, blog_id, author), author)
        etags.check(request, blog.version)
        revised = blog.revise(command.title, command.content, command.status)
        # An unchanged document is not saved, so that a request that is sent twice is announced once.
        if revised != blog:
            revised = store.save(connection, revised)
            outbox.add_many(connection, model.announce(blog, revised))
    return Reply(revised, headers={"ETag": etags.of(revised.version)})
