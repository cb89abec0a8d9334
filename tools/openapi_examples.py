"""Bodies that a reader of the API's document can send: by the shape's name, the field's name, or the schema alone."""

from typing import Any

type Json = dict[str, Any]

# Shapes of which the required fields alone say little, or have alternatives.
SHAPES: Json = {
    "CreateOrder": {"amount": 500},
    "LogIn": {"username": "ada", "password": "correct horse battery"},
    "ProfileChange": {"username": "ada"},
    "ProductDetails": {
        "name": "Oak table",
        "category": "furniture",
        "priceCents": 49900,
        "description": "Seats six.",
        "currency": "EUR",
        "stock": 12,
    },
    "GenerateEvent": {"userId": "user123", "eventType": "LOGIN", "payload": {"example": "data"}},
    "UpdateNote": {"title": "My note", "content": "Words.", "parentId": None},
}
FIELDS: Json = {
    "amountCents": 1250,
    "content": "# One",
    "currency": "EUR",
    "currentPassword": "correct horse battery",
    "description": "Coffee",
    "email": "ada@example.com",
    "message": "Hello, Ada.",
    "newPassword": "battery staple correct",
    "password": "correct horse battery",
    "refreshToken": "a-refresh-token",
    "title": "My Blog",
    "username": "ada",
}
FORMATS = {"uuid": "01890a5d-ac96-774b-bcce-b302099a8057", "date-time": "2026-11-21T06:00:00Z"}
# What Stripe sends, of which OpenAPI says that it is an object.
STRIPE_EVENT = {"id": "evt_1", "type": "customer.created", "data": {"object": {"id": "cus_1", "object": "customer"}}}


def of(schema: Json, components: Json) -> object:
    """Return a value that *schema* takes; its references are to *components*."""
    match schema:
        case {"$ref": reference}:
            example = of(components[reference.rpartition("/")[2]], components)
        case {"anyOf": choices}:
            example = of(next(each for each in choices if each.get("type") != "null"), components)
        case {"enum": [first, *_]}:
            example = first
        case {"type": "object"}:
            example = _object(schema, components)
        case {"type": "array"}:
            example = [of(schema["items"], components)] * max(1, schema.get("minItems", 1))
        case {"type": "integer" | "number"}:
            example = schema.get("minimum", 1)
        case {"type": "boolean"}:
            example = True
        case _:
            example = FORMATS.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))
    return example


def _object(schema: Json, components: Json) -> Json:
    if "properties" not in schema:
        return STRIPE_EVENT
    if schema.get("title") in SHAPES:
        found: Json = SHAPES[schema["title"]]
        return found
    fields = schema["properties"]
    shown = schema["required"] or fields
    return {name: FIELDS[name] if name in FIELDS else of(fields[name], components) for name in shown}
