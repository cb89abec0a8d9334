"""Renders the API's description as one page of HTML, without scripts and external resources."""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterable
from html import escape
from typing import Any

type Json = dict[str, Any]

METHODS = ("get", "head", "post", "put", "patch", "delete")
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
summary { cursor: pointer; padding: .3rem 0; }
summary b { display: inline-block; width: 4.5rem; }
details > div { margin: 0 0 1rem 4.5rem; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid #8884; padding: .2rem .5rem .2rem 0; vertical-align: top; }
pre { overflow: auto; padding: .5rem; background: #8882; }
"""
STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'"


def render(document: Json) -> str:
    """Return the page of our OpenAPI 3.1 *document*: its operations by tag, then its schemas."""
    info = document["info"]
    tags = "".join(_tag(document, tag["name"], tag["description"]) for tag in document["tags"])
    schemas = "".join(_schema(name, schema) for name, schema in document["components"]["schemas"].items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(info['title'])}</h1>{_text(info['description'])}"
        f'<p><a href="openapi.json">openapi.json</a>, version {escape(info["version"])}</p>'
        f"{tags}<h2>Schemas</h2>{schemas}</body></html>"
    )


def _tag(document: Json, name: str, description: str) -> str:
    operations = [
        _operation(document, method, path, item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if name in item.get(method, {}).get("tags", ())
    ]
    return f"<h2>{escape(name)}</h2>{_text(description)}{''.join(operations)}"


def _operation(document: Json, method: str, path: str, operation: Json) -> str:
    parameters = [_resolve(document, each) for each in operation.get("parameters", ())]
    body = operation.get("requestBody", {}).get("content", {})
    answers = {status: _resolve(document, each) for status, each in operation["responses"].items()}
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> {escape(operation['summary'])}"
        f"</summary><div>{_text(operation.get('description', ''))}<p>{_access(operation['security'])}</p>"
        f"{_table('Parameters', map(_parameter, parameters))}"
        f"{_table('Body', ((escape(kind), _type(each['schema'])) for kind, each in body.items()))}"
        f"{_table('Answers', (_answer(*each) for each in answers.items()))}</div></details>"
    )


def _resolve(document: Json, value: Json) -> Json:
    """Return *value*, or the object that its `$ref` names."""
    if "$ref" not in value:
        return value
    _, _, kind, name = value["$ref"].split("/")
    found: Json = document["components"][kind][name]
    return found


def _access(security: list[Json]) -> str:
    if not security:
        return "Public."
    scopes = [scope for each in security for scope in each.get("accessToken", ())]
    named = f" with the scope {escape(', '.join(scopes))}" if scopes else ""
    return "Public; an access token gives more." if {} in security else f"Needs an access token{named}."


def _parameter(parameter: Json) -> tuple[str, ...]:
    kind = escape(parameter["in"] + (", required" if parameter.get("required") else ""))
    described = _text(parameter.get("description", ""))
    return f"<code>{escape(parameter['name'])}</code>", kind, _type(parameter["schema"]) + described


def _answer(status: str, response: Json) -> tuple[str, ...]:
    types = " or ".join(_type(each["schema"]) for each in response.get("content", {}).values())
    headers = ", ".join(f"<code>{escape(name)}</code>" for name in response.get("headers", ()))
    return status, types, f"{_text(response['description'])}{headers}"


def _schema(name: str, schema: Json) -> str:
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    linked = re.sub(r"(#/components/schemas/(\w+))", r'<a href="#\2">\1</a>', escape(text))
    return f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary><pre>{linked}</pre></details>'


def _type(schema: Json) -> str:
    """Return a schema in a few words. A named one is a link to it."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if "enum" in schema:
        return escape(" or ".join(map(str, schema["enum"])))
    return escape(" ".join(filter(None, (schema.get("type", "anything"), schema.get("format")))))


def _table(title: str, rows: Iterable[tuple[str, ...]]) -> str:
    cells = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return f"<h4>{title}</h4><table>{''.join(cells)}</table>" if cells else ""


def _text(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""
