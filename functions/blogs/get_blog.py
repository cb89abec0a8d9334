"""GET /api/v1/blogs/{id}: a published blog post, or the caller's own draft."""

from blogs import cache, model
from blogs.model import Blog
from kernel import etags, http
from kernel.responses import Reply


@http.endpoint(token_optional=True, rate="read")
def handler(request: http.Request) -> Reply[Blog]:
    reader = request.principal.user_id if request.principal else None
    blog = model.visible(cache.get(request.id()), reader)
    return Reply(blog, headers={"ETag": etags.of(blog.version)})
