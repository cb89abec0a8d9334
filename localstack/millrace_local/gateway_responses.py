"""The template's answers for errors that API Gateway itself makes (no such route, body too large, …).

CloudFormation hands them to LocalStack inside the OpenAPI body, whose import leaves them out: so they are put one by
one. On AWS the import takes them.
"""

from pathlib import Path
from typing import Any

import yaml

from millrace_local.instance import STAGE


def put(api_gateway: Any, api_id: str, template: Path) -> None:  # noqa: ANN401 - a boto3 client
    """Put the `GatewayResponses` of the built *template* on the API, and deploy it with them."""
    declared = yaml.load(template.read_text(), Loader=_Loader)["Resources"]["Api"]["Properties"]["GatewayResponses"]  # noqa: S506 - derived from SafeLoader
    for response_type, response in declared.items():
        headers = response["ResponseParameters"]["Headers"]
        settings = {"statusCode": response["StatusCode"]} if "StatusCode" in response else {}
        api_gateway.put_gateway_response(
            restApiId=api_id,
            responseType=response_type,
            responseParameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
            responseTemplates=response["ResponseTemplates"],
            **settings,
        )
    api_gateway.create_deployment(restApiId=api_id, stageName=STAGE)


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short functions (!Ref, !Sub), whose values do not matter here."""


def _short_function(_loader: yaml.SafeLoader, _name: str, node: yaml.Node) -> object:
    return node.value


yaml.add_multi_constructor("!", _short_function, Loader=_Loader)
