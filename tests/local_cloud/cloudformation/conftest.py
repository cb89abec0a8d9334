"""A stack for each test, on the session's LocalStack."""

from collections.abc import Iterator

import pytest

from millrace_local.instance import Instance
from tests.local_cloud.cloudformation.stacks import Stack


@pytest.fixture
def stack(localstack: Instance) -> Iterator[Stack]:
    stack = Stack(localstack)
    yield stack
    stack.delete()
