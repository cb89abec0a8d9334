"""Rights that a template declares once and several roles share."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.cloudformation.stacks import Stack
from tests.local_cloud.cloudformation.templates import ROLE, failing

LAMBDA = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def document(action: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": {"Fn::Sub": "arn:${AWS::Partition}:s3:::a"}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def policy(action: str) -> dict[str, Any]:
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document(action)}}


def role(*managed: object, inline: dict[str, str] | None = None, **tags: str) -> dict[str, Any]:
    policies = [{"PolicyName": name, "PolicyDocument": document(action)} for name, action in (inline or {}).items()]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            **ROLE["Properties"],
            "ManagedPolicyArns": [LAMBDA, *managed],
            "Policies": policies,
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        },
    }


def template(**resources: dict[str, Any]) -> dict[str, Any]:
    return {"Resources": resources}


READING, WRITING = {"Ref": "Reading"}, {"Ref": "Writing"}


class Iam:
    """What IAM knows of the stack's role and policies."""

    def __init__(self, stack: Stack) -> None:
        self.client, self.ids = stack.client("iam"), stack.physical_ids()

    def actions(self, policy: str) -> list[str]:
        arn = self.ids[policy]
        version = self.client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = self.client.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return [each["Action"] for each in found["Statement"]]

    def managed(self) -> set[str]:
        attached = self.client.list_attached_role_policies(RoleName=self.ids["Role"])["AttachedPolicies"]
        names = {arn: name for name, arn in self.ids.items()}
        return {names[each["PolicyArn"]] for each in attached if each["PolicyArn"] != LAMBDA}

    def inline(self) -> dict[str, str]:
        names = self.client.list_role_policies(RoleName=self.ids["Role"])["PolicyNames"]
        found = {name: self.client.get_role_policy(RoleName=self.ids["Role"], PolicyName=name) for name in names}
        return {name: each["PolicyDocument"]["Statement"][0]["Action"] for name, each in found.items()}

    def tags(self) -> dict[str, str]:
        found = self.client.list_role_tags(RoleName=self.ids["Role"])["Tags"]
        return {each["Key"]: each["Value"] for each in found}


def test_a_policy_changes_in_place_as_often_as_its_template(stack: Stack) -> None:
    """Its ARN stays, and with it the roles that have it. IAM keeps five versions of a policy."""
    stack.deploy(template(Reading=policy("s3:GetObject0"), Role=role(READING)))
    before = stack.physical_ids()
    for number in range(1, 8):
        assert stack.deploy(template(Reading=policy(f"s3:GetObject{number}"), Role=role(READING))) == "UPDATE_COMPLETE"

    assert stack.physical_ids() == before
    assert Iam(stack).actions("Reading") == ["s3:GetObject7"]
    assert Iam(stack).managed() == {"Reading"}


def test_a_role_changes_in_place(stack: Stack) -> None:
    """An inline policy becomes a managed one, another goes, tags change; the role's name stays."""
    stack.deploy(template(Role=role(inline={"Own": "s3:GetObject", "Old": "s3:PutObject"}, Database="a", Gone="x")))
    before = stack.physical_ids()["Role"]
    new = role(READING, WRITING, inline={"Own": "s3:ListBucket"}, Database="b")
    assert stack.deploy(template(Reading=policy("s3:Get"), Writing=policy("s3:Put"), Role=new)) == "UPDATE_COMPLETE"

    assert stack.physical_ids()["Role"] == before
    assert Iam(stack).managed() == {"Reading", "Writing"}
    assert Iam(stack).inline() == {"Own": "s3:ListBucket"}
    assert Iam(stack).tags().items() >= {("Database", "b")}
    assert "Gone" not in Iam(stack).tags()


def test_a_failed_update_gives_policies_and_roles_what_they_had(stack: Stack) -> None:
    """The policy's document, the role's policies and tags; a policy that is new is gone."""
    old = template(Reading=policy("s3:GetObject"), Role=role(READING, inline={"Own": "s3:PutObject"}, Database="a"))
    stack.deploy(old)
    before = stack.physical_ids()
    new = template(
        Reading=policy("s3:*"),
        Writing=policy("s3:Put"),
        Role=role(READING, WRITING, Database="b"),
        Bad=failing("Role", "Reading", "Writing"),
    )
    assert stack.deploy(new) == "UPDATE_ROLLBACK_COMPLETE"

    iam = Iam(stack)
    assert stack.physical_ids() == before
    assert iam.actions("Reading") == ["s3:GetObject"]
    assert (iam.managed(), iam.inline()) == ({"Reading"}, {"Own": "s3:PutObject"})
    assert iam.tags().items() >= {("Database", "a")}
    names = [each["PolicyName"] for each in iam.client.list_policies(Scope="Local", MaxItems=1000)["Policies"]]
    assert not [name for name in names if name.startswith(f"{stack.name}-Writing")]


def test_a_policy_is_deleted_with_all_of_its_versions(stack: Stack) -> None:
    """First the role lets go of it."""
    stack.deploy(template(Reading=policy("s3:GetObject"), Role=role(READING)))
    stack.deploy(template(Reading=policy("s3:ListBucket"), Role=role(READING)))
    iam = Iam(stack)

    assert stack.deploy(template(Role=role())) == "UPDATE_COMPLETE"

    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.client.get_policy(PolicyArn=iam.ids["Reading"])
    assert Iam(stack).managed() == set()


def test_a_variable_of_iam_passes_through_a_substitution(stack: Stack) -> None:
    """`${!…}` is a literal `${…}`, with and without a dot, beside what CloudFormation knows."""
    resource = {"Fn::Sub": ["arn:${AWS::Partition}:s3:::${Name}/${!aws:PrincipalTag/a}/${!b.c}", {"Name": "n"}]}
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}
    properties = {"PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    assert (
        stack.deploy(template(Reading={"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}))
        == "CREATE_COMPLETE"
    )

    iam, arn = stack.client("iam"), stack.physical_ids()["Reading"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]["Statement"]
    assert found[0]["Resource"] == "arn:aws:s3:::n/${aws:PrincipalTag/a}/${b.c}"
