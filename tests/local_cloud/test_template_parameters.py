"""Parameters of the template that cannot be used are refused before anything starts."""

import pytest

from millrace_local.deployment import template_parameters
from millrace_local.deployment.template_parameters import ParameterError


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("RedisUrl=nonsense", "RedisUrl"),
        ("RedisUrl=http://127.0.0.1:6379", "RedisUrl"),
        ("RedisUrl=redis://:secret@127.0.0.1:port/0", "RedisUrl"),
        ("RateLimitFactor=1.5", "RateLimitFactor"),
        ("RateLimitFactor=0", "RateLimitFactor"),
        ("RelaySeconds=59", "RelaySeconds"),
        ("LogLevel=LOUD", "LogLevel"),
        ("Nothing=1", "Nothing"),
        ("RedisUrl", "RedisUrl"),
    ],
)
def test_names_what_cannot_be_used(given: str, told: str) -> None:
    """The parameter, and never its value, in which a password may be."""
    with pytest.raises(ParameterError, match=told) as refused:
        template_parameters.check(["LogLevel=DEBUG", given])
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        "RedisUrl=redis://127.0.0.1:6379/0",
        "RedisUrl=rediss://user:secret@cache.example:6379",
        "RedisUrl=",
        "RateLimitFactor=1000",
        "RelaySeconds=0",
        "LogLevel=DEBUG",
    ],
)
def test_takes_what_can(given: str) -> None:
    """As CloudFormation does."""
    template_parameters.check([given])
