"""The pipeline's migration function."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from kernel.storage import migrations
from operations import run_migrations
from tests.kit.databases import PASSWORDS, Database
from tests.kit.lambda_events import Context
from tests.kit.operations import LONGEST, part, run

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
def test_tells_what_is_due_and_applies_it() -> None:
    """Status before, apply, apply again, status after; in every domain."""
    due = run(run_migrations.handler, command="status")

    assert list(due) == DOMAINS
    for domain, names in due.items():
        assert names[0].startswith("kernel/")
        assert names[-1].startswith(f"{domain}/")
    nothing: dict[str, list[str]] = {domain: [] for domain in DOMAINS}
    assert run(run_migrations.handler, command="apply") == due
    assert run(run_migrations.handler, command="apply") == nothing
    assert run(run_migrations.handler, command="status") == nothing


@pytest.mark.usefixtures("_fresh")
def test_a_kill_between_any_two_domains_applies_nothing_twice_and_forgets_none() -> None:
    """Each part is repeated, as after a kill; the result has every domain, and nothing is due."""
    answers = [part(run_migrations.handler, command="apply")]
    while answers[-1]["next"]:
        answers += [part(run_migrations.handler, answers[-1]["next"]) for _ in range(2)]

    assert list(answers[-1]["result"]) == DOMAINS
    assert {each["total"] for each in answers} == {len(DOMAINS)}
    assert run(run_migrations.handler, command="status") == {domain: [] for domain in DOMAINS}


@pytest.mark.usefixtures("_fresh")
def test_a_migration_that_was_changed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer says which file and what to do; the domains before it are done."""

    def refuse(_connection: object, domain: str, _folder: object) -> list[str]:
        if domain == DOMAINS[1]:
            message = "notes/0001_create_notes.sql was changed after it was applied. Restore it."
            raise migrations.MigrationError(message)
        return []

    monkeypatch.setattr(migrations, "apply", refuse)
    answer = run_migrations.handler({"command": "apply"}, Context(milliseconds=LONGEST))

    assert answer["error"]["message"].startswith("notes/0001_create_notes.sql was changed")
    assert list(answer["result"]) == DOMAINS[:1]


@pytest.mark.parametrize("event", [{}, {"command": "drop"}, {"command": "apply", "domain": "activity"}])
def test_refuses_other_commands(event: dict[str, object], context: Context) -> None:
    """What is not understood is not half done."""
    answer = run_migrations.handler(event, context)
    assert answer["error"]["fields"]
    assert answer["result"] is None
