"""Explain why something cannot be deployed locally, and what to do instead."""

CANNOT_UPDATE = "LocalStack cannot change"

HINTS = {
    "AWS::ApiGatewayV2::": "Use a REST API: events of `Type: Api` instead of `HttpApi`.",
    "AWS::MSK::": "Of MSK, the local Kafka backs `Cluster`, `ServerlessCluster` and `Topic`.",
}
ADVICE = "Give the resource and what refers to it a condition that is false locally, or pass its value as a parameter."


def unsupported(name: str, resource_type: str) -> str:
    hint = next((text for prefix, text in HINTS.items() if resource_type.startswith(prefix)), ADVICE)
    return f"{name} ({resource_type}): the local cloud does not have this type, and the template uses its value. {hint}"


def no_update(name: str, resource_type: str, properties: list[str]) -> str:
    return (
        f"{name} ({resource_type}): {CANNOT_UPDATE} {', '.join(properties)} of an existing resource of this type. "
        "Give the resource another logical id, which replaces it, or delete the stack and deploy it again."
    )
