"""Real servers for the tests: one of each for a whole test process; each test makes its own databases and topics."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from kernel.messaging import kafka as producer
from kernel.storage import database, redis_server
from millrace_local.instance import Instance
from millrace_local.servers.kafka import Kafka
from millrace_local.servers.localstack import LocalStack
from millrace_local.servers.opensearch import OpenSearch
from millrace_local.servers.postgres import Postgres, superuser_url
from millrace_local.servers.redis import Redis
from millrace_local.servers.stripe import Stripe
from tests.kit import databases, tokens, topics
from tests.kit.cloud import Cloud, running_cloud
from tests.kit.databases import Database
from tests.kit.lambda_events import Context
from tests.kit.servers import free_instance, running

# What works on the whole cloud, which is too heavy to be there twice, or beside anything else.
CLOUD = ("tests/end_to_end/", "tests/faults/", "tests/local_cloud/test_cli.py", "tests/local_cloud/test_deployment.py")
CLOUDS_TESTS = "the cloud's tests"


class Shares(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Share the tests between processes: file by file, and at the end one process alone has what works on the cloud."""

    def _split_scope(self, nodeid: str) -> str:
        return CLOUDS_TESTS if nodeid.startswith(CLOUD) else nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        if CLOUDS_TESTS in self.workqueue:
            self.workqueue.move_to_end(CLOUDS_TESTS)
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        """End *node* if only the cloud's tests are left and another node is there to run them."""
        another_goes_on = any(each is not node and not each.shutting_down for each in self.nodes)
        if list(self.workqueue) == [CLOUDS_TESTS] and another_goes_on and not node.shutting_down:
            # It runs what it has first. To have nothing left is impossible: the last test waits for what follows it.
            if self._pending_of(self.assigned_work[node]) <= 2:
                node.shutdown()
        else:
            super()._reschedule(node)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse two tests of one name: two processes would run one of them."""
    twice = sorted(name for name, count in Counter(item.nodeid for item in items).items() if count > 1)
    if twice:
        message = f"More than one test is called {', '.join(twice)}."
        raise pytest.UsageError(message)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    return Shares(config, log)


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    return free_instance(tmp_path_factory.mktemp("instance"))


@pytest.fixture(scope="session")
def postgres(instance: Instance) -> Iterator[str]:
    """URL of a superuser's connection to a real Postgres."""
    with running(Postgres(), instance):
        yield superuser_url(instance)


@pytest.fixture(scope="session")
def kafka(instance: Instance) -> Iterator[str]:
    """Bootstrap servers of a real one-node Kafka."""
    with running(Kafka(), instance):
        yield instance.kafka_bootstrap


@pytest.fixture(scope="session")
def redis(instance: Instance) -> Iterator[str]:
    """URL of a real Redis."""
    with running(Redis(), instance):
        yield instance.redis_url
        redis_server.reset()


@pytest.fixture(scope="session")
def opensearch(instance: Instance) -> Iterator[str]:
    """URL of a real one-node OpenSearch, without any index."""
    with running(OpenSearch(), instance):
        yield instance.opensearch_url


@pytest.fixture(scope="session")
def stripe_api(instance: Instance) -> Iterator[str]:
    """URL of a local Stripe; its account is `stripe_account.local(instance)`."""
    with running(Stripe(), instance):
        yield instance.stripe_url


@pytest.fixture(scope="session")
def localstack(instance: Instance, kafka: str) -> Iterator[Instance]:
    """A real LocalStack with our plugin, beside the session's Kafka; nothing is deployed on it."""
    with running(LocalStack(), instance):
        yield instance


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """The whole local cloud with the application deployed, as `./millrace up` makes it."""
    with running_cloud() as running_one:
        yield running_one


@pytest.fixture
def sign_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """`sign_in(user_id, scope="user")` gives the header with which that user's requests are taken."""
    monkeypatch.setenv("PUBLIC_KEYS", tokens.PUBLIC_KEYS)
    return tokens.sign


@pytest.fixture(scope="session")
def activity_template(postgres: str) -> Database:
    return databases.migrated(postgres, "activity")


@pytest.fixture
def activity(activity_template: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """An empty, migrated database of the activity domain; functions use it in the role of the application."""
    with databases.copied(activity_template) as copy:
        monkeypatch.setenv("DATABASE_URL_ACTIVITY", copy.url("app"))
        yield copy
        database.reset()


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
