"""POST /api/v1/blogs: publish a blog post, or keep it as a draft."""

from http import HTTPStatus

from blogs import model, store
from blogs.database import transaction
from blogs.model import Blog
from blogs.schemas import CreateBlog
from kernel import ids
from kernel.messaging import outbox
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import LARGEST_CONTENT_BODY, Request
from kernel.web.responses import Reply


@endpoint(status=HTTPStatus.CREATED, scope="user", rate="write", largest_body=LARGEST_CONTENT_BODY, idempotent=True)
def handler(request: Request[CreateBlog]) -> Reply[Blog]:
    with transaction() as connection:
        blog = store.add(connection, ids.new(), request.user_id, request.body)
        outbox.add_many(connection, model.announce(None, blog))
    return Reply(blog, headers={"ETag": etags.of(blog.version), "Location": f"blogs/{blog.id}"})
