"""The comparison of two templates finds what differs, wherever a template declares it."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.compare_templates import compare, main
from tools.template import TEMPLATE, expanded

type Resources = dict[str, Any]
type Change = Callable[[Resources], object]


def properties(resources: Resources, name: str) -> dict[str, Any]:
    found: dict[str, Any] = resources[name]["Properties"]
    return found


def statement(resources: Resources, policy: str) -> dict[str, Any]:
    found: dict[str, Any] = properties(resources, policy)["PolicyDocument"]["Statement"]
    return found


def operation(resources: Resources) -> dict[str, Any]:
    found: dict[str, Any] = properties(resources, "Api")["Body"]["paths"]["/api/v1/orders"]["post"]
    return found


CHANGES: dict[str, tuple[Change, str, str]] = {
    "a right that a managed policy gains": (
        lambda resources: statement(resources, "SigningKeys").update(Action=["secretsmanager:*"]),
        "UsersLogIn",
        "rights",
    ),
    "a managed policy that a role gains": (
        lambda resources: properties(resources, "CatalogGetProductRole")["ManagedPolicyArns"].append(
            {"Ref": "StripeKeys"}
        ),
        "CatalogGetProduct",
        "rights",
    ),
    "an inline policy that a role loses": (
        lambda resources: properties(resources, "OrdersOnUserEventsRole")["Policies"].clear(),
        "OrdersOnUserEvents",
        "rights",
    ),
    "the tag by which a role reads its database": (
        lambda resources: properties(resources, "NotesGetNoteRole").update(
            Tags=[{"Key": "DatabaseRole", "Value": "users_owner"}]
        ),
        "NotesGetNote",
        "rights",
    ),
    "a condition that is lost": (
        lambda resources: [
            each["PolicyDocument"]["Statement"].pop("Condition")
            for each in properties(resources, "NotificationsSendEmailsRole")["Policies"]
            if "Condition" in each["PolicyDocument"]["Statement"]
        ],
        "NotificationsSendEmails",
        "rights",
    ),
    "a variable that is lost": (
        lambda resources: properties(resources, "UsersRegisterUser")["Environment"]["Variables"].pop(
            "COMMON_PASSWORD_CHECK"
        ),
        "UsersRegisterUser",
        "variables",
    ),
    "a timeout": (
        lambda resources: properties(resources, "OrdersCreateOrder").update(Timeout=11),
        "OrdersCreateOrder",
        "settings",
    ),
    "a mapping's property": (
        lambda resources: properties(resources, "PaymentsOnOrderEventsTopic").update(BatchSize=99),
        "PaymentsOnOrderEvents",
        "triggers",
    ),
    "a schedule": (
        lambda resources: properties(resources, "UsersRotateKeysMonth").update(ScheduleExpression="rate(60 days)"),
        "UsersRotateKeys",
        "triggers",
    ),
    "a permission": (
        lambda resources: resources.pop("UsersRotateKeysMonthPermission"),
        "UsersRotateKeys",
        "triggers",
    ),
    "a route": (
        lambda resources: operation(resources)["x-amazon-apigateway-integration"].update(timeoutInMillis=50),
        "OrdersCreateOrder",
        "triggers",
    ),
    "a group's retention": (
        lambda resources: properties(resources, "NotesLogs").pop("RetentionInDays"),
        "NotesListNotes",
        "log retention",
    ),
    "a function that is lost": (lambda resources: resources.pop("BlogsListBlogs"), "BlogsListBlogs", "function"),
    "what belongs to no function": (
        lambda resources: properties(resources, "Api").update(EndpointConfiguration={"Types": ["EDGE"]}),
        "AWS::ApiGateway::RestApi",
        "others",
    ),
}


@pytest.mark.parametrize(("change", "subject", "aspect"), CHANGES.values(), ids=CHANGES)
def test_finds(change: Change, subject: str, aspect: str) -> None:
    """Under the name of the function, or of the type of what is no function's."""
    changed = copy.deepcopy(expanded())
    change(changed)

    assert (subject, aspect) in {(each.subject, each.aspect) for each in compare(expanded(), changed)}
    assert (subject, aspect) in {(each.subject, each.aspect) for each in compare(changed, expanded())}


def test_a_right_is_the_same_wherever_it_is_declared() -> None:
    """Inline or managed, in one statement or several."""
    changed = copy.deepcopy(expanded())
    role = properties(changed, "UsersLogInRole")
    role["ManagedPolicyArns"].remove({"Ref": "SigningKeys"})
    document = {"Version": "2012-10-17", "Statement": [statement(changed, "SigningKeys")]}
    role["Policies"] = [{"PolicyName": "Inline", "PolicyDocument": document}]

    assert compare(expanded(), changed) == []


def test_refuses_what_it_does_not_evaluate() -> None:
    """Better no answer than one that leaves out a right."""
    changed = copy.deepcopy(expanded())
    statement(changed, "SigningKeys")["NotAction"] = statement(changed, "SigningKeys").pop("Action")

    with pytest.raises(ValueError, match="NotAction"):
        compare(expanded(), changed)


def test_ends_with_1_unless_the_difference_is_intended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The files are templates as they are written."""
    changed = tmp_path / "template.yaml"
    changed.write_text(TEMPLATE.read_text().replace("Timeout: 75", "Timeout: 76"))

    assert main([str(TEMPLATE), str(TEMPLATE)]) == 0
    assert main([str(TEMPLATE), str(changed)]) == 1
    assert "OrdersPublishEvents: settings: + Timeout=76" in capsys.readouterr().out
    assert main([str(TEMPLATE), str(changed), "--intended", "settings"]) == 0
