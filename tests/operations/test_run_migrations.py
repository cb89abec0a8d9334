"""The pipeline's migration function."""

from collections.abc import Iterator

import msgspec
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from kernel.storage import migrations
from operations import run_migrations
from tests.kit.databases import PASSWORDS, Database
from tests.kit.lambda_events import Context

DOMAINS = sorted(folder.parent.name for folder in run_migrations.FOLDERS.glob("*/migrations"))


@pytest.fixture
def _fresh(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every domain's database, with its roles and nothing in it."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        databases = [Database(postgres, domain, f"{domain}_fresh") for domain in DOMAINS]
        for each in databases:
            migrations.create_database(connection, each.domain, PASSWORDS)
            name, owner = Identifier(each.name), Identifier(f"{each.domain}_owner")
            connection.execute(SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
            monkeypatch.setenv(f"DATABASE_URL_{each.domain.upper()}", each.url("owner"))
        yield
        for each in databases:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(each.name)))


@pytest.mark.usefixtures("_fresh")
def test_tells_what_is_due_and_applies_it(context: Context) -> None:
    """Status before, apply, apply again, status after; in every domain."""
    due = run_migrations.handler({"command": "status"}, context)

    assert list(due) == DOMAINS
    for domain, names in due.items():
        assert names[0].startswith("kernel/")
        assert names[-1].startswith(f"{domain}/")
    nothing: dict[str, list[str]] = {domain: [] for domain in DOMAINS}
    assert run_migrations.handler({"command": "apply"}, context) == due
    assert run_migrations.handler({"command": "apply"}, context) == nothing
    assert run_migrations.handler({"command": "status"}, context) == nothing


@pytest.mark.parametrize("event", [{}, {"command": "drop"}, {"command": "apply", "domain": "activity"}])
def test_refuses_other_commands(event: dict[str, object], context: Context) -> None:
    """What is not understood is not half done."""
    with pytest.raises(msgspec.ValidationError):
        run_migrations.handler(event, context)
