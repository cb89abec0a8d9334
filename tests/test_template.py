"""Hold what CloudFormation gets when template.yaml is deployed: logs, triggers, limits, answers. Rights: test_rights."""

import ast
import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from kernel.messaging import kafka, relay
from kernel.web import responses
from kernel.web.scopes import Scope
from millrace_local.instance import ROOT
from operations.archive_files import FILES
from tools.intrinsics import evaluate
from tools.template import FUNCTIONS, Function, Resource, expanded, written
from users.commands import ChangeScopes

LONGEST_CONSUMER_SECONDS = 14 * 60


def of_type(kind: str) -> dict[str, Resource]:
    return {name: each for name, each in expanded().items() if each["Type"] == kind}


def variables(function: Function) -> dict[str, Any]:
    found: dict[str, Any] = expanded()[function.logical_id]["Properties"]["Environment"]["Variables"]
    return found


def test_stays_within_cloudformations_limits() -> None:
    """500 resources are the end, and a template of 1 MB; 292 are for the first 81 functions, 4 for each further one."""
    assert len(expanded()) <= 292 + 4 * max(0, len(FUNCTIONS) - 81)
    assert len(json.dumps(expanded())) < 900_000


def test_names_nothing_that_iam_keeps() -> None:
    """`CAPABILITY_IAM` is enough to deploy, and two stages in one account do not collide."""
    named = [name for name, each in expanded().items() if {"RoleName", "ManagedPolicyName"} & each["Properties"].keys()]

    assert named == []


def test_the_scopes_that_are_asked_for_are_those_that_can_be_granted() -> None:
    """A scope that no account can have would let nobody in; one that nothing asks for would let nobody do more."""
    endpoints = [importlib.import_module(each.module).handler for each in FUNCTIONS if each.routes]
    asked = {scope for each in endpoints for scope in (each.scope, each.more_with) if scope}

    assert asked == set(get_args(Scope.__value__))
    assert msgspec.convert({"username": "ann", "grant": sorted(asked)}, ChangeScopes).grant == sorted(asked)


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if each.routes], ids=str)
def test_a_scope_that_code_asks_for_is_declared(function: Function) -> None:
    """What a function asks of a token is in its endpoint's properties, from which documentation and grants are made."""
    module = importlib.import_module(function.module)
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    named = [each.args[0] for each in calls if isinstance(each.func, ast.Attribute) and each.func.attr == "may"]

    assert [each.value for each in named if isinstance(each, ast.Constant)] == [
        each for each in [module.handler.more_with] if each
    ]


def test_only_the_kernel_reads_a_tokens_scopes() -> None:
    """A comparison with free text asks for a scope that no test sees; `Principal.may` takes a known one."""
    sources = [path for path in (ROOT / "functions").glob("*/*.py") if path.parent.name != "users"]

    assert [path.name for path in sources if re.search(r"\.scopes\b", path.read_text())] == []


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_a_function_logs_to_its_domains_group(function: Function) -> None:
    """Each line names its function, and AWS names the function in each stream of a shared group."""
    reference = expanded()[function.logical_id]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]

    assert evaluate(expanded()[reference]["Properties"]["LogGroupName"]) == f"/millrace/${{Stage}}/{function.domain}"


def test_logs_are_kept_for_a_time() -> None:
    """A group without a number would keep them for ever; each domain has one group."""
    groups = of_type("AWS::Logs::LogGroup")

    assert groups.keys() == {f"{function.domain.title()}Logs" for function in FUNCTIONS}
    assert all(each["Properties"]["RetentionInDays"] > 0 for each in groups.values())


@pytest.mark.parametrize("mapping", of_type("AWS::Lambda::EventSourceMapping").values(), ids=str)
def test_a_trigger_loses_nothing_and_waits_for_nothing(mapping: Resource) -> None:
    """From the first record on, without a window, failures apart, retried through any outage, and with a last resort."""
    properties = mapping["Properties"]

    assert properties["EventSourceArn"] == {"Ref": "KafkaClusterArn"}
    assert properties["StartingPosition"] == "TRIM_HORIZON"
    assert properties["MaximumBatchingWindowInSeconds"] == 0
    assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert properties["MaximumRetryAttempts"] == 10_000
    assert properties["ProvisionedPollerConfig"]["PollerGroupName"]
    assert properties["DestinationConfig"]["OnFailure"]["Destination"].startswith("kafka://")


def test_those_that_only_forget_are_called_for_deleted_accounts_alone() -> None:
    """Each registration would start seven functions in vain. The others take every record of their topic."""
    mappings = [each["Properties"] for each in of_type("AWS::Lambda::EventSourceMapping").values()]
    patterns = {
        mapping["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"]: [
            json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]
        ]
        for mapping in mappings
        if "FilterCriteria" in mapping
    }

    domains = ("activity", "blogs", "catalog", "notes", "orders", "payments", "transactions")
    assert patterns == {f"{domain}-user-events": [{"value": {"type": ["user-deleted"]}}] for domain in domains}


@pytest.mark.parametrize("resource", expanded().items(), ids=lambda item: item[0])
def test_nothing_is_conditional(resource: tuple[str, Resource]) -> None:
    """What runs locally is what is deployed."""
    assert "Condition" not in resource[1]


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if each.topics], ids=str)
def test_a_consumer_ends_before_lambda_ends_it(function: Function) -> None:
    assert expanded()[function.logical_id]["Properties"]["Timeout"] <= LONGEST_CONSUMER_SECONDS


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if each.module.endswith("publish_events")], ids=str)
def test_a_relay_ends_in_time(function: Function) -> None:
    """A delivery under way ends before the function does."""
    assert variables(function)["DATABASE_ROLE"] == "relay"
    timeout = expanded()[function.logical_id]["Properties"]["Timeout"]
    longest = written()["Parameters"]["RelaySeconds"]["MaxValue"]
    assert timeout >= longest + relay.RESERVE_SECONDS
    delivery, request, linger = (
        kafka.OPTIONS[f"{name}_ms"] for name in ("delivery_timeout", "request_timeout", "linger")
    )
    assert request + linger <= delivery < kafka.LONGEST_SEND_SECONDS * 1000
    assert relay.RESERVE_SECONDS > kafka.LONGEST_SEND_SECONDS + kafka.CLOSE_SECONDS


def test_the_gateways_own_answers_are_like_ours() -> None:
    """Problem documents with the security headers, for errors that never reach a function."""
    answers = expanded()["Api"]["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"]

    assert answers.keys() >= {"DEFAULT_4XX", "DEFAULT_5XX", "MISSING_AUTHENTICATION_TOKEN", "REQUEST_TOO_LARGE"}
    for answer in answers.values():
        headers = {
            name.removeprefix("gatewayresponse.header."): value for name, value in answer["responseParameters"].items()
        }
        assert headers.items() >= {name: f"'{value}'" for name, value in responses.SECURITY_HEADERS.items()}.items()
        assert headers["X-Request-Id"] == "context.requestId"
        assert "CorsAllowedOrigins" in json.dumps(headers["Access-Control-Allow-Origin"])
        template = answer["responseTemplates"]["application/json"]
        document = json.loads(
            template.replace("$context.status", "404").replace("$context.error.messageString", '"detail"')
        )
        assert document.keys() == {"type", "title", "status", "detail", "requestId"}


@pytest.mark.parametrize("path", sorted({path for each in FUNCTIONS for _, path in each.routes}))
def test_every_path_answers_preflight_requests(path: str) -> None:
    """For each allowed origin, with the security headers; the answer to another origin allows nothing."""
    [answer] = expanded()["Api"]["Properties"]["Body"]["paths"][path]["options"]["x-amazon-apigateway-integration"][
        "responses"
    ].values()
    headers = {
        name.removeprefix("method.response.header."): value for name, value in answer["responseParameters"].items()
    }

    template = answer["responseTemplates"]["application/json"]["Fn::Sub"]
    # A quotation mark at the end of a static value is one that LocalStack removes.
    policy = f'Content-Security-Policy = "{responses.SECURITY_HEADERS["Content-Security-Policy"]}"'
    static = {name: each for name, each in responses.SECURITY_HEADERS.items() if name != "Content-Security-Policy"}
    assert headers.items() >= {name: f"'{value}'" for name, value in static.items()}.items()
    assert policy in template
    assert "Access-Control-Allow-Origin" not in headers
    assert "$allowed.split" in template


def test_functions_bring_no_packages_of_their_own() -> None:
    """All third-party packages are in the layer, in one version."""
    assert list((ROOT / "functions").rglob("requirements*.txt")) == []


def test_the_layer_is_kept_and_fits_the_architecture() -> None:
    """A function's earlier version still finds its layer; both follow the one parameter."""
    [layer] = of_type("AWS::Lambda::LayerVersion").values()

    assert layer["DeletionPolicy"] == "Retain"
    assert layer["Properties"]["CompatibleArchitectures"] == [{"Ref": "Architecture"}]
    for function in of_type("AWS::Lambda::Function").values():
        assert function["Properties"]["Architectures"] == [{"Ref": "Architecture"}]


def test_readiness_asks_every_domain() -> None:
    """A domain that has a database is among those that the readiness function is told."""
    [readiness] = [each for each in FUNCTIONS if each.module == "operations.get_readiness"]
    domains = sorted(path.parent.name for path in Path(ROOT / "functions").glob("*/migrations"))

    assert variables(readiness)["DOMAINS"].split(",") == domains


def test_the_archive_is_private_encrypted_and_kept() -> None:
    """For as long as the parameter says, also when the stack is deleted; its positions are never deleted."""
    [bucket] = of_type("AWS::S3::Bucket").values()
    [policy] = of_type("AWS::S3::BucketPolicy").values()
    properties, statement = bucket["Properties"], policy["Properties"]["PolicyDocument"]["Statement"]
    rule, of_replays = properties["LifecycleConfiguration"]["Rules"]

    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"Id": "expire", "Status": "Enabled", "Prefix": FILES, "ExpirationInDays": {"Ref": "ArchiveDays"}}
    assert (of_replays["Prefix"], of_replays["ExpirationInDays"]) == ("replays/", 7)
    assert written()["Parameters"]["ArchiveDays"]["Default"] == 365
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert evaluate(statement["Resource"]) == ["${ArchiveBucket.Arn}", "${ArchiveBucket.Arn}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_common_passwords_are_refused_unless_a_deployment_says_otherwise() -> None:
    """The parameter takes on or off, is on by itself, and reaches every function that takes a new password."""
    parameter = written()["Parameters"]["CommonPasswordCheck"]
    told = {each.module for each in FUNCTIONS if "COMMON_PASSWORD_CHECK" in variables(each)}

    assert (parameter["Default"], parameter["AllowedValues"]) == ("on", ["on", "off"])
    assert told == {"users.register_user", "users.change_password"}
