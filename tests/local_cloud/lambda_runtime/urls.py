"""A function with a URL, called by its name."""

from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from tests.local_cloud.lambda_runtime.conftest import Cloud

SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, Signature=0"}


class Url:
    """A function's URL."""

    def __init__(
        self, functions: "Cloud", source: str, auth: str = "NONE", cors: object = None, **settings: object
    ) -> None:
        self.name = functions.create(source, **settings)
        wanted = {"AuthType": auth} | ({"Cors": cors} if cors else {})
        self.address = functions.functions.create_function_url_config(FunctionName=self.name, **wanted)["FunctionUrl"]
        self._localstack = functions.instance.localstack_url

    def request(self, method: str, path: str = "/", **request: Any) -> httpx.Response:  # noqa: ANN401 - what httpx takes
        headers = {"Host": httpx.URL(self.address).netloc.decode(), **request.pop("headers", {})}
        return httpx.request(method, f"{self._localstack}{path}", headers=headers, timeout=60, **request)
