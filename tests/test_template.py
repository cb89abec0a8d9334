"""What CloudFormation gets when template.yaml is deployed: rights, logs, triggers, limits."""

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
from tools.template import FUNCTIONS, Function, Resource, expanded, written
from users.commands import ChangeScopes

# Every right that a function may have. A misspelt action would be found by nobody else.
ACTIONS = {
    "es:ESHttpDelete",
    "es:ESHttpGet",
    "es:ESHttpPost",
    "es:ESHttpPut",
    "kafka-cluster:AlterGroup",
    "kafka-cluster:Connect",
    "kafka-cluster:DescribeCluster",
    "kafka-cluster:DescribeClusterDynamicConfiguration",
    "kafka-cluster:DescribeGroup",
    "kafka-cluster:DescribeTopic",
    "kafka-cluster:ReadData",
    "kafka-cluster:WriteData",
    "kafka-cluster:WriteDataIdempotently",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "ses:SendRawEmail",
}
SPEAK_WITH_STRIPE = {
    "payments.on_order_events",
    "payments.on_stock_events",
    "payments.receive_stripe_webhook",
    "payments.reconcile_payments",
}
LONGEST_CONSUMER_SECONDS = 14 * 60


def of_type(kind: str) -> dict[str, Resource]:
    return {name: each for name, each in expanded().items() if each["Type"] == kind}


def statements(function: Function) -> list[dict[str, Any]]:
    policies = expanded()[f"{function.logical_id}Role"]["Properties"].get("Policies", [])
    found = [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]
    return [each | {"Action": _list(each["Action"])} for each in found]


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def actions(function: Function) -> set[str]:
    return {action for each in statements(function) for action in each["Action"]}


def variables(function: Function) -> dict[str, Any]:
    found: dict[str, Any] = expanded()[function.logical_id]["Properties"]["Environment"]["Variables"]
    return found


def test_stays_within_cloudformations_limits() -> None:
    """500 resources are the end, and a template of 1 MB; we stop before."""
    assert len(expanded()) < 450
    assert len(json.dumps(expanded())) < 900_000


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_a_function_has_a_role_of_its_own(function: Function) -> None:
    """Never a shared one."""
    roles = [each["Properties"]["Role"] for each in of_type("AWS::Lambda::Function").values()]
    own = {"Fn::GetAtt": [f"{function.logical_id}Role", "Arn"]}

    assert roles.count(own) == 1


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_a_role_allows_named_things_only(function: Function) -> None:
    """Known actions on named resources; a wildcard stands for a secret's random end, or for one role in all domains."""
    for statement in statements(function):
        assert set(statement["Action"]) <= ACTIONS
        assert "*" not in (statement["Resource"], *statement["Action"])


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if not each.module.startswith("operations.")], ids=str)
def test_a_function_reads_the_secrets_that_it_needs(function: Function) -> None:
    """Its domain's database in the role that it says it uses, the public keys, and in users alone the private ones.

    Of payments, those that speak with Stripe have its keys.
    """
    domain = function.module.partition(".")[0]
    role = variables(function).get("DATABASE_ROLE", "app")
    allowed = {f"${{DatabaseSecretPrefix}}{domain}_{role}-??????", "millrace/${Stage}/public-keys-??????"}
    if domain == "users":
        allowed.add("millrace/${Stage}/signing-keys-??????")
    if function.module in SPEAK_WITH_STRIPE:
        allowed.add("millrace/${Stage}/stripe-??????")

    read = [each for each in statements(function) if "secretsmanager:GetSecretValue" in each["Action"]]
    secrets = {json.dumps(each["Resource"]).partition(":secret:")[2].partition('"')[0] for each in read}

    assert secrets
    assert secrets <= allowed


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
def test_logs_are_kept_for_a_time(function: Function) -> None:
    """Each function writes to a group of its own, which forgets."""
    group = expanded()[function.logical_id]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]

    assert group == f"{function.logical_id}Logs"
    assert expanded()[group]["Properties"]["RetentionInDays"] > 0


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
def test_a_consumers_role_reads_its_topic_and_writes_its_dead_letters(function: Function) -> None:
    """The mapping acts in the function's role; SAM's managed policy has no right on a topic."""
    text = json.dumps(statements(function))
    names = variables(function)

    assert {"kafka-cluster:ReadData", "kafka-cluster:AlterGroup", "kafka-cluster:WriteDataIdempotently"} <= actions(
        function
    )
    for resource in (f"topic/${{Cluster}}/{names['TOPIC']}", f"topic/${{Cluster}}/{names['DEAD_LETTER_TOPIC']}"):
        assert f'{resource}"' in text
    assert f'group/${{Cluster}}/{names["CONSUMER_GROUP"]}"' in text
    assert expanded()[function.logical_id]["Properties"]["Timeout"] <= LONGEST_CONSUMER_SECONDS


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if each.module.endswith("publish_events")], ids=str)
def test_a_relay_may_write_and_ends_in_time(function: Function) -> None:
    """kafka-python is idempotent, which is a right of its own; a delivery under way ends before the function does."""
    assert {"kafka-cluster:WriteData", "kafka-cluster:WriteDataIdempotently"} <= actions(function)
    assert variables(function)["DATABASE_ROLE"] == "relay"
    timeout = expanded()[function.logical_id]["Properties"]["Timeout"]
    longest = written()["Parameters"]["RelaySeconds"]["MaxValue"]
    assert timeout >= longest + relay.RESERVE_SECONDS
    delivery, request, linger = (
        kafka.OPTIONS[f"{name}_ms"] for name in ("delivery_timeout", "request_timeout", "linger")
    )
    assert request + linger <= delivery < kafka.LONGEST_SEND_SECONDS * 1000
    assert relay.RESERVE_SECONDS > kafka.LONGEST_SEND_SECONDS + kafka.CLOSE_SECONDS


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if each.topics], ids=str)
def test_a_relay_may_write_the_dead_letters_of_its_domain(function: Function) -> None:
    """A consumer dead-letters through its outbox, so it is the relay that writes them."""
    [relay_of_domain] = [each for each in FUNCTIONS if each.module == f"{function.module.split('.')[0]}.publish_events"]

    assert f'topic/${{Cluster}}/{variables(function)["DEAD_LETTER_TOPIC"]}"' in json.dumps(statements(relay_of_domain))


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


def test_common_passwords_are_refused_unless_a_deployment_says_otherwise() -> None:
    """The parameter takes on or off, is on by itself, and reaches every function that takes a new password."""
    parameter = written()["Parameters"]["CommonPasswordCheck"]
    told = {each.module for each in FUNCTIONS if "COMMON_PASSWORD_CHECK" in variables(each)}

    assert (parameter["Default"], parameter["AllowedValues"]) == ("on", ["on", "off"])
    assert told == {"users.register_user", "users.change_password"}
