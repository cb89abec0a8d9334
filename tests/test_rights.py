"""Every function's rights on AWS are exactly its needs, and each need is declared once."""

import importlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.kit.contracts import topics_by_publisher
from tools.rights import Policy, Resources, Right, policies, rights, statements
from tools.template import FUNCTIONS, Function, expanded, topics

STORE = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
CLUSTER = "${KafkaClusterArn}"
LOGS = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/millrace/${Stage}/*"
INDEX = "${OpenSearchDomainArn}"
READ, WRITE = "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"
EMAILS = Right(
    "Allow",
    "ses:SendRawEmail",
    "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*",
    json.dumps({"StringEquals": {"ses:FromAddress": "${EmailSender}"}}),
)
AWS_POLICY = "arn:aws:iam::aws:policy/service-role/"

WITHOUT_DATABASE = {
    "operations.archive_events",
    "operations.find_events",
    "operations.get_docs",
    "operations.get_health",
    "operations.get_openapi",
    "operations.verify_archive",
    "users.get_jwks",
    "users.rotate_keys",
}
# Operators name any consumer of the application, which the functions' list of consumers holds them to.
SEEK_GROUPS = {"operations.seek_group"}
ANY_DOMAIN = {"operations.report_problems", "operations.get_readiness", "operations.run_migrations"}
# Those of operators: as which roles they look into the databases of all domains.
LOOK_INTO_DOMAINS = {
    "operations.change_parked_rows": ("relay",),
    "operations.list_parked_rows": ("relay",),
    "operations.redrive_dead_letters": ("ro",),
    "operations.replay_events": ("ro",),
    "operations.reset_breaker": ("ro", "relay"),
    "operations.settle_dead_letters": ("relay",),
    "operations.trace_event": ("ro",),
}
PUBLISH_AGAIN = {"operations.redrive_dead_letters", "operations.replay_events"}
SIGN_TOKENS = {"users.log_in", "users.refresh_token", "users.change_password"}
SPEAK_WITH_STRIPE = {
    "payments.on_order_events",
    "payments.on_stock_events",
    "payments.receive_stripe_webhook",
    "payments.reconcile_payments",
}
EVERY_TOPIC = "*-events*"
READ_EVERY_TOPIC = {
    *("operations.archive_events", "operations.find_events", "operations.verify_archive"),
    "operations.trace_event",
    *(f"operations.{name}_dead_letters" for name in ("export", "group", "list", "settle")),
    "operations.show_dead_letter",
}
FINDS_ARCHIVED = {
    Right("Allow", "s3:ListBucket", "${ArchiveBucket.Arn}"),
    Right("Allow", "s3:GetObject", "${ArchiveBucket.Arn}/*"),
}


def _on(kind: str, name: str, *actions: str) -> Iterator[Right]:
    arn = f"${{{CLUSTER} split ':cluster/' 0}}:{kind}/${{{CLUSTER} split ':cluster/' 1}}/{name}"
    return (Right("Allow", f"kafka-cluster:{action}", arn) for action in actions)


# Needs of one or two functions.
OWN: dict[str, set[Right]] = {
    "catalog.search_products": {Right("Allow", "es:ESHttpPost", f"{INDEX}/products/_search")},
    "catalog.on_product_events": {
        *(Right("Allow", f"es:ESHttp{method}", f"{INDEX}/products*") for method in ("Get", "Put")),
        Right("Allow", "es:ESHttpPost", f"{INDEX}/_bulk"),
    },
    "catalog.rebuild_index": {
        *(Right("Allow", f"es:ESHttp{method}", f"{INDEX}/products*") for method in ("Delete", "Get", "Post", "Put")),
        *(Right("Allow", "es:ESHttpPost", f"{INDEX}/{path}") for path in ("_bulk", "_aliases")),
    },
    "notifications.on_notification_events": {EMAILS},
    "notifications.send_emails": {EMAILS},
    "operations.archive_events": {*FINDS_ARCHIVED, Right("Allow", "s3:PutObject", "${ArchiveBucket.Arn}/*")},
    "operations.find_events": FINDS_ARCHIVED,
    "operations.get_readiness": {
        Right("Allow", f"kafka-cluster:{action}", CLUSTER) for action in ("Connect", "DescribeCluster")
    },
    "operations.replay_events": FINDS_ARCHIVED,
    "operations.produce_events": {
        *(
            Right("Allow", f"kafka-cluster:{action}", CLUSTER)
            for action in ("Connect", "DescribeCluster", "WriteDataIdempotently")
        ),
        *_on("topic", EVERY_TOPIC, "DescribeTopic"),
        *(
            right
            for topic in sorted(set.union(*topics_by_publisher().values()))
            for right in _on("topic", topic, "WriteData")
        ),
    },
    "operations.trace_event": {Right("Allow", "logs:FilterLogEvents", LOGS), *_on("group", "*", "DescribeGroup")},
    "operations.verify_archive": FINDS_ARCHIVED,
    "operations.report_problems": {
        *(Right("Allow", f"kafka-cluster:{action}", CLUSTER) for action in ("Connect", "DescribeCluster")),
        *_on("topic", EVERY_TOPIC, "DescribeTopic", "DescribeTopicDynamicConfiguration", "ReadData"),
        *FINDS_ARCHIVED,
    },
    "operations.seek_group": {
        *(Right("Allow", f"kafka-cluster:{action}", CLUSTER) for action in ("Connect", "DescribeCluster")),
        *_on("topic", EVERY_TOPIC, "DescribeTopic", "ReadData"),
        *_on("group", "*", "DescribeGroup", "AlterGroup"),
    },
    "orders.export_events": {
        Right("Allow", f"s3:{action}", "${ArchiveBucket.Arn}/replays/*")
        for action in ("AbortMultipartUpload", "GetObject", "PutObject")
    },
    "orders.rebuild_projection": {
        Right("Allow", READ, f"{STORE}${{DatabaseSecretPrefix}}orders_owner-??????"),
        *(Right("Allow", f"kafka-cluster:{action}", CLUSTER) for action in ("Connect", "DescribeCluster")),
        *_on("topic", "product-events", "DescribeTopic", "ReadData"),
        Right("Allow", "s3:GetObject", "${ArchiveBucket.Arn}/topics/product-events/*"),
    },
    "users.get_jwks": {Right("Allow", READ, f"{STORE}millrace/${{Stage}}/public-keys-??????")},
    "users.rotate_keys": {
        *(Right("Allow", action, f"{STORE}millrace/${{Stage}}/signing-keys-??????") for action in (READ, WRITE)),
        Right("Allow", WRITE, f"{STORE}millrace/${{Stage}}/public-keys-??????"),
    },
}
# IAM's limits: an inline policy's characters count together for a role, those of a managed policy for each.
LONGEST_MANAGED, LONGEST_INLINE = 6_144, 10_240
MOST_POLICIES = 7


def needs(function: Function) -> set[Right]:
    """Return the rights that *function* must have, from what its code asks for and where it stands."""
    return {
        Right("Allow", "*", f"{AWS_POLICY}AWSLambdaBasicExecutionRole"),
        *_secrets(function),
        *(_consumption(function) if function.topics else ()),
        *(_publication(function) if function.module.endswith(".publish_events") else ()),
        *(_publication_again() if function.module in PUBLISH_AGAIN else ()),
        *(_reading() if function.module in READ_EVERY_TOPIC else ()),
        *OWN.get(function.module, ()),
    }


def _secrets(function: Function) -> Iterator[Right]:
    role = function.variables.get("DATABASE_ROLE", "app")
    if function.module not in WITHOUT_DATABASE:
        domain = "*" if function.module in ANY_DOMAIN else function.domain
        yield Right("Allow", READ, f"{STORE}${{DatabaseSecretPrefix}}{domain}_{role}-??????")
    for each in LOOK_INTO_DOMAINS.get(function.module, ()):
        yield Right("Allow", READ, f"{STORE}${{DatabaseSecretPrefix}}*_{each}-??????")
    endpoint = importlib.import_module(function.module).handler if function.routes else None
    if endpoint and (endpoint.scope or endpoint.token_optional):
        yield Right("Allow", READ, f"{STORE}millrace/${{Stage}}/public-keys-??????")
    if function.module in SIGN_TOKENS:
        yield Right("Allow", READ, f"{STORE}millrace/${{Stage}}/signing-keys-??????")
    if function.module in SPEAK_WITH_STRIPE:
        yield Right("Allow", READ, f"{STORE}millrace/${{Stage}}/stripe-??????")


def _consumption(function: Function) -> Iterator[Right]:
    """The mapping acts in the function's role; AWS's policy for it has no right on a topic."""
    names = function.variables
    yield Right("Allow", "*", f"{AWS_POLICY}AWSLambdaMSKExecutionRole")
    yield from _on_cluster("Connect", "DescribeCluster", "DescribeClusterDynamicConfiguration", "WriteDataIdempotently")
    yield from _on("topic", names["TOPIC"], "DescribeTopic", "ReadData")
    yield from _on("group", names["CONSUMER_GROUP"], "DescribeGroup", "AlterGroup")
    yield from _on("topic", names["DEAD_LETTER_TOPIC"], "DescribeTopic", "WriteData")


def _publication(function: Function) -> Iterator[Right]:
    """A consumer dead-letters through its outbox, so that it is the relay that writes dead letters."""
    yield from _on_cluster("Connect", "DescribeCluster", "WriteDataIdempotently")
    consumers = [each for each in FUNCTIONS if each.topics and each.domain == function.domain]
    for topic in topics_by_publisher().get(function.domain, set()) | {
        each.variables["DEAD_LETTER_TOPIC"] for each in consumers
    }:
        yield from _on("topic", topic, "DescribeTopic", "WriteData")


def _publication_again() -> Iterator[Right]:
    """An operator publishes to the topics of all domains, reads every topic and group, and how long consumers take."""
    yield from _on_cluster("Connect", "DescribeCluster", "WriteDataIdempotently")
    yield from _on("topic", EVERY_TOPIC, "DescribeTopic", "DescribeTopicDynamicConfiguration", "ReadData")
    yield from _on("group", "*", "DescribeGroup")
    for topic in set.union(*topics_by_publisher().values()):
        yield from _on("topic", topic, "WriteData")
    yield Right("Allow", "logs:FilterLogEvents", LOGS)


def _reading() -> Iterator[Right]:
    """Topics are named alike, so that one right is enough for all of them."""
    yield from _on_cluster("Connect", "DescribeCluster")
    yield from _on("topic", EVERY_TOPIC, "DescribeTopic", "ReadData")


def _on_cluster(*actions: str) -> Iterator[Right]:
    return (Right("Allow", f"kafka-cluster:{action}", CLUSTER) for action in actions)


def managed() -> dict[str, dict[str, Any]]:
    resources = expanded().items()
    return {name: each["Properties"] for name, each in resources if each["Type"] == "AWS::IAM::ManagedPolicy"}


def roles() -> dict[str, list[Policy]]:
    return {each.logical_id: policies(expanded(), each.logical_id) for each in FUNCTIONS}


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_a_functions_rights_are_its_needs(function: Function) -> None:
    """No right more and none less, however policies are cut; a misspelt action or name would be found by nobody else."""
    assert rights(expanded(), function.logical_id) == needs(function)


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_a_function_has_a_role_of_its_own(function: Function) -> None:
    """Never a shared one."""
    functions = [each["Properties"] for each in expanded().values() if each["Type"] == "AWS::Lambda::Function"]
    own = {"Fn::GetAtt": [f"{function.logical_id}Role", "Arn"]}

    assert [each["Role"] for each in functions].count(own) == 1


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_a_wildcard_stands_for_little(function: Function) -> None:
    """For a secret's random end, one database role in all domains, an index's versions, a sender, or the archive.

    For operators also for every topic and group of the application's cluster, and every log group of its stage.
    """
    allowed = r"[^*?]*((\*_(ro|owner))?-\?{6}|/products\*|:identity/\*|ArchiveBucket\.Arn}/(replays/|topics/[a-z-]+/)?\*|/\*-events\*)?"
    if function.module in SEEK_GROUPS or function.module in LOOK_INTO_DOMAINS:
        places = (
            r":group/[^*?]*/\*",
            r":log-group:/millrace/\$\{Stage\}/\*",
            r"ArchiveBucket\.Arn}/\*",
            r"/\*-events\*",
        )
        allowed = rf"[^*?]*((\*_(ro|relay))?-\?{{6}}|{'|'.join(places)})?"

    for right in rights(expanded(), function.logical_id):
        assert right.action != "*" or right.resource.startswith(AWS_POLICY)
        assert re.fullmatch(allowed, right.resource)


@pytest.mark.parametrize("topic", topics())
def test_the_right_to_read_every_topic_is_one_for_each(topic: str) -> None:
    """A topic with another name would not be archived."""
    assert fnmatchcase(topic, EVERY_TOPIC)


@pytest.mark.parametrize("name", managed())
def test_a_managed_policy_grants_one_need_to_several_functions(name: str) -> None:
    """One statement on one resource. A need of one function stands at the function, without a resource of its own."""
    [statement] = statements(managed()[name]["PolicyDocument"])

    assert not isinstance(statement["Resource"], list)
    assert len([function for function, found in roles().items() if name in {each.name for each in found}]) > 1


def test_no_need_is_declared_twice() -> None:
    """Two managed policies with the same right would be two names of one need."""
    granted = {each.name: each.rights for found in roles().values() for each in found if each.managed}
    secrets = Counter(right for name, each in granted.items() if not name.startswith("Kafka") for right in each)

    assert len({json.dumps(each["PolicyDocument"], sort_keys=True) for each in managed().values()}) == len(managed())
    assert [right for right, times in secrets.items() if times > 1] == []


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_a_policy_speaks_of_one_service(function: Function) -> None:
    """An inline policy grants one need as well."""
    for policy in policies(expanded(), function.logical_id):
        assert len({right.action.partition(":")[0] for right in policy.rights}) == 1


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_an_inline_policy_repeats_no_managed_one(function: Function) -> None:
    """What a managed policy of the role grants is not granted again."""
    granted = Counter(right for each in policies(expanded(), function.logical_id) for right in each.rights)

    assert [right for right, times in granted.items() if times > 1] == []


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_a_role_stays_within_iams_limits(function: Function) -> None:
    """AWS allows ten managed policies on a role, of which its own are two."""
    own = policies(expanded(), function.logical_id)

    assert len(own) <= MOST_POLICIES
    assert sum(_length(each) for each in own if not each.managed) <= LONGEST_INLINE
    assert all(_length(each) <= LONGEST_MANAGED for each in own if each.managed)


def _length(policy: Policy) -> int:
    return len(json.dumps(policy.document, separators=(",", ":")))


@pytest.mark.parametrize("name", managed())
def test_iam_evaluates_a_managed_policys_variables(name: str) -> None:
    """Only in this version of the language; in the older one, a variable is text."""
    assert managed()[name]["PolicyDocument"]["Version"] == "2012-10-17"


def test_a_role_without_the_tag_reads_no_database() -> None:
    """The variable stays, and no secret is called like it."""
    resources: Resources = {
        "Get": {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": ["GetRole", "Arn"]}}},
        "GetRole": {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": [{"Ref": "Database"}]}},
        "Database": expanded()["Database"],
    }

    [right] = rights(resources, "Get")
    assert right.resource.endswith("${aws:PrincipalTag/DatabaseRole}-??????")
