"""Change IAM roles and managed policies in place, under the names that they have.

LocalStack deletes a role for another managed policy, and for other inline policies or tags it changes nothing.
"""

import json
from typing import Any

from millrace_plugin.cloudformation.differences import Model

Untyped = Any  # LocalStack's requests and clients


def update_role(request: Untyped) -> Model:
    """Give the role what its template declares. Returns the role's properties."""
    iam, name = request.aws_client_factory.iam, request.previous_state["RoleName"]
    old, new = request.previous_state, request.desired_state
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(new["AssumeRolePolicyDocument"]))
    iam.update_role(
        RoleName=name,
        Description=new.get("Description", ""),
        MaxSessionDuration=int(new.get("MaxSessionDuration", 3600)),
    )
    _set_boundary(iam, name, old.get("PermissionsBoundary"), new.get("PermissionsBoundary"))
    _set_managed_policies(iam, name, set(old.get("ManagedPolicyArns") or []), set(new.get("ManagedPolicyArns") or []))
    _set_inline_policies(iam, name, _documents(old), _documents(new))
    _set_tags(iam, name, _tags(old), _tags(new))
    return dict(new)


def update_managed_policy(request: Untyped) -> Model:
    """Make the template's document the policy's default version. Returns the policy's properties."""
    iam, arn = request.aws_client_factory.iam, request.previous_state["Id"]
    old = [
        version for version in iam.list_policy_versions(PolicyArn=arn)["Versions"] if not version["IsDefaultVersion"]
    ]
    for version in old:  # IAM keeps five
        iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    document = request.desired_state["PolicyDocument"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
    return dict(request.desired_state)


def _set_boundary(iam: Untyped, name: str, old: str | None, new: str | None) -> None:
    if new:
        iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=new)
    elif old:
        iam.delete_role_permissions_boundary(RoleName=name)


def _set_managed_policies(iam: Untyped, name: str, old: set[str], new: set[str]) -> None:
    for arn in new - old:
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    for arn in old - new:
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)


def _set_inline_policies(iam: Untyped, name: str, old: dict[str, str], new: dict[str, str]) -> None:
    for policy, document in new.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
    for policy in old.keys() - new.keys():
        iam.delete_role_policy(RoleName=name, PolicyName=policy)


def _set_tags(iam: Untyped, name: str, old: dict[str, str], new: dict[str, str]) -> None:
    if gone := sorted(old.keys() - new.keys()):
        iam.untag_role(RoleName=name, TagKeys=gone)
    if new:
        iam.tag_role(RoleName=name, Tags=[{"Key": key, "Value": value} for key, value in new.items()])


def _documents(role: Model) -> dict[str, str]:
    return {each["PolicyName"]: json.dumps(each["PolicyDocument"]) for each in role.get("Policies") or []}


def _tags(role: Model) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in role.get("Tags") or []}
