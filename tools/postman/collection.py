"""The Postman collection (format 2.1), made of the API's OpenAPI document: a request for each of its operations.

Whatever a request needs that is not there yet, its account, its session or the thing in its path, is made before it is
sent: before_request.js and after_request.js.
"""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from millrace_local.instance import ROOT
from tools import openapi
from tools.postman.operations import Json, Operation, operations, variable_of

FILE = ROOT / "Microservices-API-Collection.json"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
DESCRIPTION = """
Every endpoint of Millrace's API, a folder for each domain; `./millrace openapi` makes it of the API's OpenAPI document.
Import it and send any request, or run it whole.

**Signing in** happens by itself: before the first request that needs it an account of a random name is registered and
logged in. *Register* and *Log in* (folder `users`) do the same by hand. The variables `username`, `password`,
`accessToken` and `refreshToken` keep what they answer, and later requests send the token. To be another user, set
`username` and `password`, and send *Log in*.

**Guests**: requests that are also there "without signing in" send no token. A guest's order is answered with a token of
its own, kept as `orderToken`, and read with it in the header `Order-Token`.

**Scopes**: some requests take more than to be signed in. They say which scope in their description. An operator grants it,
locally with `./millrace scopes USERNAME --grant catalog:write`; send *Log in* afterwards, for a token that has it.

**Webhooks** are signed with `stripeWebhookSecret`: a secret of `webhookSecrets` in `.millrace/data/stripe.json`.

**Elsewhere than on this machine**: set `baseUrl`.
"""
SCRIPTS = Path(__file__).parent
# The values of fields that are the account's: the example's give way to what the collection keeps.
KEPT_FIELDS = {
    "username": "{{username}}",
    "email": "{{email}}",
    "password": "{{password}}",
    "currentPassword": "{{password}}",
    "newPassword": "{{newPassword}}",
    "refreshToken": "{{refreshToken}}",
}
NEW_FIELDS = {name: f"{{{{new{name.title()}}}}}" for name in ("username", "email", "password")}
KEPT_HEADERS = {
    "Idempotency-Key": "{{$guid}}",
    "Order-Token": "{{orderToken}}",
    "Stripe-Signature": "{{stripeSignature}}",
}
VARIABLES = {"baseUrl": "http://127.0.0.1:8080"} | dict.fromkeys(
    ("username", "email", "password", "accessToken", "refreshToken", "accessTokenUntil", "stripeWebhookSecret"), ""
)
QUERIES = {"q": "oak"}


def collection() -> Json:
    document = openapi.document()
    found = sorted(operations(document), key=lambda each: each.place)
    makers = _makers(found)
    folders = [
        {"name": tag["name"], "description": tag["description"], "item": list(_items(tag["name"], found, makers))}
        for tag in document["tags"]
    ]
    scripts = {"prerequest": "before_request.js", "test": "after_request.js"}
    return {
        "info": {
            "_postman_id": _id("collection"),
            "name": "Microservices API Collection",
            "description": DESCRIPTION.strip(),
            "schema": SCHEMA,
        },
        "item": folders,
        "event": [_event(listen, _script(file, makers)) for listen, file in scripts.items()],
        "variable": [{"key": name, "value": value} for name, value in (VARIABLES | dict.fromkeys(makers, "")).items()],
    }


def _makers(found: list[Operation]) -> Json:
    """By variable: how the thing is made whose id it holds, and on which paths else."""
    makers: Json = {}
    wanted = {each.variable for each in found}
    for each in found:
        collection = each.path.rpartition("/")[2]
        variable = variable_of(collection)
        if each.method != "POST" or each.body is None or variable not in wanted:
            continue
        name = f"guest{variable[0].upper()}{variable[1:]}" if each.guest else variable
        content = next(iter(each.content["responses"][str(each.status)]["content"].values()))
        field = "id" if "id" in _fields(content["schema"]) else variable
        maker = {"path": each.path, "paths": [], "content": each.body, "field": field, "guest": each.guest}
        makers.setdefault(name, maker)["paths"].append(each.path)
    return makers


def _fields(schema: Json) -> Json:
    schemas = openapi.document()["components"]["schemas"]
    found: Json = schemas[schema["$ref"].rpartition("/")[2]]["properties"]
    return found


def _items(folder: str, found: list[Operation], makers: Json) -> Iterator[Json]:
    for each in found:
        if folder in each.content["tags"]:
            yield {
                "id": _id(each.name),
                "name": each.name,
                "request": _request(each, makers),
                "response": [],
                "event": [_event("test", _assertions(each))],
            }


def _request(operation: Operation, makers: Json) -> Json:
    token = [{"key": "token", "value": "{{accessToken}}", "type": "string"}]
    request: Json = {
        "method": operation.method,
        "description": _description(operation),
        "auth": {"type": "bearer", "bearer": token} if operation.takes_token else {"type": "noauth"},
        "header": list(_headers(operation)),
        "url": _url(operation, makers),
    }
    if operation.body is not None:
        raw = json.dumps(_kept(operation), indent=2, ensure_ascii=False)
        request["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    return request


def _description(operation: Operation) -> str:
    more = operation.content.get("x-more-with-scope")
    scope = f"With the scope `{more}` it does more." if more and operation.takes_token else ""
    return f"{operation.content.get('description', '')} {scope}".strip()


def _kept(operation: Operation) -> Json:
    """The example body, with the account's own values in the fields that are about it."""
    body = operation.body or {}
    is_registration = NEW_FIELDS.keys() <= body.keys()
    return {name: (NEW_FIELDS if is_registration else KEPT_FIELDS).get(name, value) for name, value in body.items()}


def _headers(operation: Operation) -> Iterator[Json]:
    if operation.body is not None:
        yield {"key": "Content-Type", "value": "application/json"}
    for parameter in operation.content.get("parameters", ()):
        name = parameter["name"]
        if parameter["in"] == "header" and not (name == "Order-Token" and not operation.guest):
            described = {"key": name, "value": KEPT_HEADERS.get(name, ""), "description": parameter["description"]}
            yield described if name in KEPT_HEADERS else described | {"disabled": True}


def _url(operation: Operation, makers: Json) -> Json:
    variable = operation.variable
    if variable and operation.guest and f"guest{variable[0].upper()}{variable[1:]}" in makers:
        variable = f"guest{variable[0].upper()}{variable[1:]}"
    path = re.sub(r"\{\w+\}", f"{{{{{variable}}}}}", operation.path)
    query = [
        {"key": each["name"], "value": QUERIES.get(each["name"], ""), "disabled": not each.get("required", False)}
        for each in operation.content.get("parameters", ())
        if each["in"] == "query"
    ]
    url: Json = {"raw": f"{{{{baseUrl}}}}{path}", "host": ["{{baseUrl}}"], "path": path.removeprefix("/").split("/")}
    return url | ({"query": query} if query else {})


def _assertions(operation: Operation) -> str:
    contents = operation.content["responses"][str(operation.status)].get("content", {})
    lines = [
        f'pm.test("is answered {operation.status}", () => pm.response.to.have.status({operation.status}));',
        'pm.test("names the request", () => pm.response.to.have.header("X-Request-Id"));',
    ]
    if contents and operation.method != "HEAD":
        media_type = next(iter(contents))
        lines.append(
            f'pm.test("is {media_type}", () => '
            f'pm.expect(pm.response.headers.get("Content-Type")).to.include("{media_type}"));'
        )
    return "\n".join(lines)


def _script(file: str, makers: Json) -> str:
    return (SCRIPTS / file).read_text().rstrip().replace("{{makers}}", json.dumps(makers, ensure_ascii=False))


def _event(listen: str, script: str) -> Json:
    return {"listen": listen, "script": {"type": "text/javascript", "exec": script.split("\n")}}


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"millrace {name}"))


@functools.cache
def text() -> str:
    return json.dumps(collection(), indent=1, ensure_ascii=False) + "\n"
