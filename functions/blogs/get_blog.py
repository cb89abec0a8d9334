"""GET /api/v1/blogs/{id}: a published blog post, or the caller's own draft."""

from blogs import cache, model
from blogs.model import Blog
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply


@endpoint(token_optional=True, rate="read")
def handler(request: Request) -> Reply[Blog]:
    reader = request.principal.user_id if request.principal else None
    blog = model.require_visible(cache.get(request.id()), reader)
    return Reply(blog, headers={"ETag": etags.of(blog.version)})
