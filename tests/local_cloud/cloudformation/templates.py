"""Build small templates like those of users."""

from typing import Any

Resource = dict[str, Any]

ROLE: Resource = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    },
}
# Its mapping cannot be made, and it comes after everything that *after* names.
NO_SUCH_FUNCTION = "there-is-no-such-function"


def function(source: str, **properties: object) -> Resource:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": source},
            **properties,
        },
    }


def returning(value: object) -> str:
    return f"import os\n\ndef handler(event, context):\n    return [{value!r}, os.environ.get('COLOUR')]\n"


def with_function(source: str, properties: Resource | None = None, **resources: Resource) -> Resource:
    """Return a template of a function, its role and more *resources*."""
    return {
        "Resources": {"Role": ROLE, "Function": function(source, **(properties or {})), **resources},
        "Outputs": {"Function": {"Value": {"Ref": "Function"}}},
    }


def failing(*after: str) -> Resource:
    """Return a resource that fails once *after* exist."""
    return {
        "Type": "AWS::Lambda::Permission",
        "DependsOn": list(after),
        "Properties": {
            "FunctionName": NO_SUCH_FUNCTION,
            "Action": "lambda:InvokeFunction",
            "Principal": "sns.amazonaws.com",
        },
    }
