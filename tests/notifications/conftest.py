"""A notifications database and the variables with which its functions find their surroundings."""

from collections.abc import Iterator

import pytest

from millrace_local.instance import Instance
from tests.kit import domains
from tests.kit import ses as simple_email_service
from tests.kit.ses import Ses

notifications = domains.database_fixture("notifications")
consumer = domains.consumer_fixture("notifications")


@pytest.fixture
def ses(localstack: Instance, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ses]:
    """LocalStack's SES, where the functions send from a verified address."""
    with simple_email_service.gated(localstack.localstack_url) as found:
        for name, value in found.variables.items():
            monkeypatch.setenv(name, value)
        yield found
