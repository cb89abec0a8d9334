"""A database and its roles for each domain, as the operations function creates them on AWS."""

import json
import secrets

from millrace_local import files
from millrace_local.instance import HOST, ROOT, Instance
from millrace_local.servers.postgres import Postgres, superuser_url

FUNCTIONS = ROOT / "functions"
ROLES = ("owner", "app", "relay", "ro")


def domains() -> list[str]:
    """Return the domains that have a database: those with migrations."""
    return sorted(folder.parent.name for folder in FUNCTIONS.glob("*/migrations"))


def migrate(instance: Instance) -> None:
    """Create the databases and roles that are missing, and apply the migrations that are new."""
    import psycopg  # noqa: PLC0415 - a quarter of a second that those who ask for a URL need not pay

    from kernel.storage import migrations  # noqa: PLC0415 - as above

    Postgres().check_ready(instance)
    passwords = _passwords(instance)
    for domain in domains():
        with psycopg.connect(superuser_url(instance), autocommit=True) as connection:
            of_domain = {role: passwords[f"{domain}_{role}"] for role in ROLES}
            migrations.create_database(connection, domain, of_domain)
        migrations.apply(url(instance, domain, "owner"), domain, FUNCTIONS / domain / "migrations")


def url(instance: Instance, domain: str, role: str) -> str:
    """Return the connection string of a domain's database for one of its roles."""
    user = f"{domain}_{role}"
    return f"postgresql://{user}:{_passwords(instance)[user]}@{HOST}:{instance.ports['postgres']}/{domain}"


def credentials(instance: Instance) -> dict[str, dict[str, str]]:
    """Return the secret of each database role: {"<domain>_<role>": {"username", "password"}}."""
    return {user: {"username": user, "password": password} for user, password in _passwords(instance).items()}


def _passwords(instance: Instance) -> dict[str, str]:
    """Return every role's password, which is created once and kept with the data that it protects."""
    path = instance.home / "data" / "roles.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = [f"{domain}_{role}" for domain in domains() for role in ROLES if f"{domain}_{role}" not in known]
    if missing:
        known |= {user: secrets.token_urlsafe(24) for user in missing}
        files.write(path, json.dumps(known, indent=1))
    return known
