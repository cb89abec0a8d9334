"""The API's document: what is kept is what the code says, and it is OpenAPI that tools understand."""

import json
from pathlib import Path

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tools import api_documents, openapi, openapi_examples
from tools.openapi import Route

DOCUMENT = json.loads(openapi.FILE.read_text())
ROUTES = openapi.routes()


@pytest.mark.parametrize("file", api_documents.FILES, ids=lambda file: file.name)
def test_a_kept_document_is_the_generated_one(file: Path) -> None:
    """Nobody changes the API without its documents; `./millrace openapi` writes them."""
    kept = file.read_text() if file.exists() else ""
    assert kept == api_documents.FILES[file](), "Run ./millrace openapi and commit what it writes."


def test_is_valid_openapi() -> None:
    """By the specification's own schema, references and examples included."""
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_reference_leads_to_something_and_every_component_is_used() -> None:
    """A renamed shape leaves nothing behind."""
    text = json.dumps(DOCUMENT)
    kinds = {kind: names for kind, names in DOCUMENT["components"].items() if kind != "securitySchemes"}
    components = {f"#/components/{kind}/{name}" for kind, names in kinds.items() for name in names}

    assert {part.partition('"')[0] for part in text.split('"$ref": "')[1:]} == components


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_says_what_it_gives(route: Route) -> None:
    """A function without an annotation, or with a bare `Reply`, would be documented as giving anything."""
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    contents = operation["responses"][str(route.endpoint.status.value)].get("content", {})

    assert operation["summary"]
    assert {"500", "503"} <= operation["responses"].keys()
    assert ("429" in operation["responses"]) == (route.rate_class != "none")
    assert route.function.logical_id == "OperationsGetOpenapi" or {} not in [
        each["schema"] for each in contents.values()
    ]


@pytest.mark.parametrize(
    "route", [each for each in ROUTES if each.endpoint.body_type not in (None, bytes)], ids=lambda each: str(each.path)
)
def test_an_example_is_a_body_that_the_function_takes(route: Route) -> None:
    """Who copies it from the documentation gets what it promises."""
    body = DOCUMENT["paths"][route.path][route.method.lower()]["requestBody"]["content"]["application/json"]

    assert msgspec.convert(body["example"], route.endpoint.body_type)


def test_every_example_of_a_shape_is_one_of_a_shape_that_there_is() -> None:
    """A renamed shape does not leave its example behind."""
    assert openapi_examples.SHAPES.keys() <= DOCUMENT["components"]["schemas"].keys()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_the_template_tells_who_may_call(route: Route) -> None:
    """What a reader of the template sees is what the function demands."""
    assert route.function.metadata["Access"] == (route.endpoint.scope or "public")
