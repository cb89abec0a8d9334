"""Settings: a missing or unusable variable is an error that names it."""

import pytest

from kernel import settings
from kernel.settings import SettingError
from millrace_local.instance import ROOT

KAFKA = {"KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2", "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}


def test_reads_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are split, numbers are numbers, defaults fill the rest."""
    for name, value in KAFKA.items():
        monkeypatch.setenv(name, value)

    assert settings.Kafka.from_environment() == settings.Kafka(("a:1", "b:2"), "PLAINTEXT")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", "", "KAFKA_BOOTSTRAP_SERVERS is not set"),
        (
            "KAFKA_SECURITY_PROTOCOL",
            "SSL",
            "KAFKA_SECURITY_PROTOCOL='SSL' is not usable: give one of SASL_SSL, PLAINTEXT",
        ),
    ],
)
def test_names_the_variable(variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which variable, and what it may be."""
    for name, usual in (KAFKA | {variable: value}).items():
        monkeypatch.setenv(name, usual)

    with pytest.raises(SettingError, match=message):
        settings.Kafka.from_environment()


@pytest.mark.parametrize("value", ["-1", "841", "x", "1.5"])
def test_refuses_numbers_out_of_range(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number has its limits."""
    monkeypatch.setenv("RELAY_SECONDS", value)

    with pytest.raises(SettingError, match=r"RELAY_SECONDS=.* whole number from 0 to 840"):
        settings.Relay.from_environment()


@pytest.mark.parametrize(("value", "refused"), [("", True), ("on", True), ("off", False)])
def test_common_passwords_are_refused_unless_the_check_is_off(
    value: str, monkeypatch: pytest.MonkeyPatch, *, refused: bool
) -> None:
    """Nobody switches it off by a misspelt value."""
    monkeypatch.setenv("COMMON_PASSWORD_CHECK", value)
    assert settings.refuses_common_passwords() is refused
    monkeypatch.setenv("COMMON_PASSWORD_CHECK", "false")
    with pytest.raises(SettingError, match="COMMON_PASSWORD_CHECK='false' is not usable: give one of on, off"):
        settings.refuses_common_passwords()


@pytest.mark.parametrize(("variable", "alias"), settings.ALIASES.items())
def test_the_names_of_earlier_services_are_read(variable: str, alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone they do what ours does; beside ours they may only say the same."""
    usual = {"DATABASE_HOST": "db", "DATABASE_SECRET_PREFIX": "millrace/", "DATABASE_ROLE": "app"}
    consumer = dict.fromkeys(("TOPIC", "CONSUMER_GROUP", "DEAD_LETTER_TOPIC"), "t")
    for name, value in (KAFKA | usual | consumer).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(alias, "1234")

    consumer_settings = settings.Consumer.from_environment("d", "t")
    assert "1234" in str([settings.Kafka.from_environment(), settings.Database.from_environment(), consumer_settings])
    monkeypatch.setenv(variable, "1234")
    assert settings.text(variable) == "1234"
    monkeypatch.setenv(variable, "5678")
    with pytest.raises(SettingError, match=f"{variable}='5678' and {alias}='1234' are two names of one setting"):
        settings.text(variable)


@pytest.mark.parametrize("name", ["DB_USER", "DB_PASSWORD", "JWT_SECRET"])
def test_a_secret_in_the_environment_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says where it belongs, and not what it is."""
    for variable in ("DATABASE_HOST", "DATABASE_SECRET_PREFIX"):
        monkeypatch.setenv(variable, "x")
    monkeypatch.setenv(name, "hunter2")
    kind = settings.Tokens if name == "JWT_SECRET" else settings.Database

    with pytest.raises(SettingError, match=f"{name} is set.*Secrets Manager") as refused:
        kind.from_environment()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", [*settings.ALIASES, *settings.ALIASES.values(), *settings.SECRETS, "PORT"])
def test_the_documentation_has_every_name(name: str) -> None:
    """Who comes from another service looks for its names, and finds ours beside them."""
    assert f"`{name}`" in (ROOT / "docs" / "operations.md").read_text()
