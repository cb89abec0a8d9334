"""Real servers for the tests: one of each for a whole test process; each test makes its own databases and topics."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kernel.aws import secrets
from kernel.messaging import kafka as producer
from kernel.storage import redis_server
from millrace_local.instance import Instance
from millrace_local.servers.kafka import Kafka
from millrace_local.servers.localstack import LocalStack
from millrace_local.servers.opensearch import OpenSearch
from millrace_local.servers.postgres import superuser_url
from millrace_local.servers.redis import Redis
from millrace_local.servers.stripe import Stripe
from tests.kit import aws as aws_in_process
from tests.kit import databases, domains, tokens, topics
from tests.kit.aws import Aws
from tests.kit.cloud import Cloud, running_cloud
from tests.kit.databases import Database, UnsyncedPostgres
from tests.kit.lambda_events import Context
from tests.kit.servers import free_instance, running, starts_server
from tests.kit.ses import SENDER, Ses
from tests.kit.slow_broker import StoppableBroker

pytest_plugins = ["tests.kit.collecting", "tests.kit.quick", "tests.kit.sharing"]


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    return free_instance(tmp_path_factory.mktemp("instance"))


@starts_server
@pytest.fixture
def own_instance(tmp_path: Path) -> Instance:
    """An instance for servers that a test starts, stops and damages itself."""
    return free_instance(tmp_path)


@starts_server
@pytest.fixture(scope="session")
def postgres(instance: Instance) -> Iterator[str]:
    """URL of a superuser's connection to a real Postgres."""
    with running(UnsyncedPostgres(), instance):
        url = superuser_url(instance)
        databases.shorten_login(url)
        yield url


@starts_server
@pytest.fixture(scope="session")
def kafka(instance: Instance) -> Iterator[str]:
    """Bootstrap servers of a real one-node Kafka."""
    with running(Kafka(), instance):
        yield instance.kafka_bootstrap


@starts_server
@pytest.fixture(scope="session")
def second_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoppableBroker]:
    own = free_instance(tmp_path_factory.mktemp("second-kafka"))
    with running(Kafka(), own) as process:
        yield StoppableBroker(own.kafka_bootstrap, process)


@pytest.fixture
def stoppable_broker(second_kafka: StoppableBroker) -> StoppableBroker:
    """A broker beside the session's, which a test may stop for a while."""
    second_kafka.wait_until_recovered()
    return second_kafka


@starts_server
@pytest.fixture(scope="session")
def redis(instance: Instance) -> Iterator[str]:
    """URL of a real Redis."""
    with running(Redis(), instance):
        yield instance.redis_url
        redis_server.reset()


@starts_server
@pytest.fixture(scope="session")
def opensearch(instance: Instance) -> Iterator[str]:
    """URL of a real one-node OpenSearch, without any index."""
    with running(OpenSearch(), instance):
        yield instance.opensearch_url


@starts_server
@pytest.fixture(scope="session")
def stripe_api(instance: Instance) -> Iterator[str]:
    """URL of a local Stripe; its account is `stripe_account.local(instance)`."""
    with running(Stripe(), instance):
        yield instance.stripe_url


@starts_server
@pytest.fixture(scope="session")
def localstack(instance: Instance, kafka: str) -> Iterator[Instance]:
    """A real LocalStack with our plugin, beside the session's Kafka; nothing is deployed on it."""
    with running(LocalStack(), instance):
        yield instance


@starts_server
@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """The whole local cloud with the application deployed, as `./millrace up` makes it."""
    with running_cloud() as running_one:
        yield running_one


@pytest.fixture(scope="session")
def aws_server() -> Iterator[Aws]:
    """moto's AWS, served by this process."""
    with aws_in_process.running() as served:
        yield served


@pytest.fixture
def aws(aws_server: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """An empty AWS account that functions and boto3 use; no secret is cached."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in aws_server.variables.items():
        monkeypatch.setenv(name, value)
    aws_server.reset()
    secrets.reset()
    yield aws_server
    secrets.reset()


@pytest.fixture
def ses(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Ses:
    """SES, where the functions send from a verified address."""
    monkeypatch.setenv("EMAIL_SENDER", SENDER)
    return Ses(aws)


@pytest.fixture
def sign_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """`sign_in(user_id, scope="user")` gives the header with which that user's requests are taken."""
    monkeypatch.setenv("PUBLIC_KEYS", tokens.PUBLIC_KEYS)
    return tokens.sign


@pytest.fixture(scope="session")
def migrated(postgres: str) -> Callable[[str], Database]:
    """`migrated(domain)` is that domain's database under its own name, to be copied."""
    return functools.cache(functools.partial(databases.migrated, postgres))


@pytest.fixture
def patient_redis(redis: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URL of the functions' Redis: on a busy machine one that is slow must not pass for one that is down."""
    monkeypatch.setenv("REDIS_URL", redis)
    monkeypatch.setattr(redis_server, "TIMEOUT_SECONDS", 5)
    redis_server.reset()
    yield redis
    redis_server.reset()


activity = domains.database_fixture("activity", redis=False)


@pytest.fixture
def topic(kafka: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty topic of four partitions; the producer writes to its broker."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    yield topics.create(kafka, partitions=4)
    producer.close()


@pytest.fixture
def context() -> Context:
    return Context()
