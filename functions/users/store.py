"""Accounts and requested transactions in Postgres."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.sql import SQL

from kernel.errors import ConflictError, NotFoundError
from kernel.storage.database import Connection
from users.commands import ChangeProfile, ChangeScopes
from users.model import Profile, Transaction
from users.schemas import AccountScopes, LogIn, Registration

PROFILE = SQL("id, username, email, created_at, updated_at")
TAKEN = "An account with this username or e-mail address exists already."


class Credentials(NamedTuple):
    """An account with the hash of its password."""

    user_id: UUID
    username: str
    email: str
    scopes: list[str]
    password_hash: str
    password_changed_at: datetime


def add_user(connection: Connection, user_id: UUID, registration: Registration, password_hash: str) -> Profile:
    """Insert an account and return its profile. Raises ConflictError if the username or the e-mail address is taken."""
    with connection.cursor(row_factory=class_row(Profile)) as cursor:
        cursor.execute(
            SQL(
                """
                INSERT INTO users (id, username, email, password_hash) VALUES (%s, %s, %s, %s)
                ON CONFLICT DO NOTHING
                RETURNING {}
                """
            ).format(PROFILE),
            (user_id, registration.username, registration.email, password_hash),
        )
        added = cursor.fetchone()
    if added is None:
        raise ConflictError(TAKEN)
    return added


def credentials(connection: Connection, login: LogIn) -> Credentials | None:
    """Return the account with the username or the e-mail address, in any letter case, or None."""
    condition = SQL("lower(username) = lower(%s) OR lower(email) = lower(%s)")
    return _credentials(connection, condition, login.username, login.email)


def credentials_of(connection: Connection, user_id: UUID) -> Credentials | None:
    """Return the account with this id, or None."""
    return _credentials(connection, SQL("id = %s"), user_id)


def _credentials(connection: Connection, condition: SQL, *values: object) -> Credentials | None:
    columns = SQL("id AS user_id, username, email, scopes, password_hash, password_changed_at")
    with connection.cursor(row_factory=class_row(Credentials)) as cursor:
        cursor.execute(SQL("SELECT {} FROM users WHERE {}").format(columns, condition), values)
        return cursor.fetchone()


def keep_password(connection: Connection, user_id: UUID, changed_at: datetime) -> bool:
    """Lock the account's password until the transaction ends. Returns False if it has changed since *changed_at*."""
    query = "SELECT FROM users WHERE id = %s AND password_changed_at = %s FOR NO KEY UPDATE"
    return connection.execute(query, (user_id, changed_at)).rowcount == 1


def replace_hash(connection: Connection, user_id: UUID, password_hash: str) -> None:
    """Store another hash of the same password."""
    connection.execute("UPDATE users SET password_hash = %s WHERE id = %s", (password_hash, user_id))


def change_password(connection: Connection, user_id: UUID, password_hash: str) -> None:
    """Store the hash of another password."""
    query = "UPDATE users SET password_hash = %s, password_changed_at = clock_timestamp() WHERE id = %s"
    connection.execute(query, (password_hash, user_id))


def change_scopes(connection: Connection, command: ChangeScopes) -> AccountScopes:
    """Grant and revoke scopes, and return the account. Needs the database's owner. Raises NotFoundError."""
    with connection.cursor(row_factory=class_row(AccountScopes)) as cursor:
        cursor.execute(
            """
            UPDATE users SET updated_at = now(), scopes = ARRAY(
                SELECT DISTINCT scope FROM unnest(scopes || %s::text[]) AS scope WHERE scope <> ALL(%s::text[]) ORDER BY scope
            )
            WHERE lower(username) = lower(%s)
            RETURNING id, username, scopes
            """,
            (command.grant, command.revoke, command.username),
        )
        changed = cursor.fetchone()
    if changed is None:
        message = f"There is no account {command.username!r}."
        raise NotFoundError(message)
    return changed


def profile(connection: Connection, user_id: UUID) -> Profile | None:
    """Return the profile, or None if the account does not exist."""
    with connection.cursor(row_factory=class_row(Profile)) as cursor:
        cursor.execute(SQL("SELECT {} FROM users WHERE id = %s").format(PROFILE), (user_id,))
        return cursor.fetchone()


def lock_profile(connection: Connection, user_id: UUID) -> Profile | None:
    """Lock the profile until the transaction ends and return it, or None if the account does not exist."""
    query = SQL("SELECT {} FROM users WHERE id = %s FOR NO KEY UPDATE").format(PROFILE)
    with connection.cursor(row_factory=class_row(Profile)) as cursor:
        cursor.execute(query, (user_id,))
        return cursor.fetchone()


def change_profile(connection: Connection, command: ChangeProfile) -> Profile | None:
    """Change the profile. Returns it, or None if nothing differs. Raises ConflictError if a name is taken.

    The caller has locked it: of two changes the later one has the later time.
    """
    try:
        with connection.cursor(row_factory=class_row(Profile)) as cursor:
            cursor.execute(
                SQL(
                    """
                    UPDATE users SET username = coalesce(%(username)s, username), email = coalesce(%(email)s, email),
                        updated_at = clock_timestamp()
                    WHERE id = %(id)s AND (username, email) IS DISTINCT FROM
                        (coalesce(%(username)s, username), coalesce(%(email)s, email))
                    RETURNING {}
                    """
                ).format(PROFILE),
                {"id": command.user_id, "username": command.username, "email": command.email},
            )
            return cursor.fetchone()
    except UniqueViolation:
        raise ConflictError(TAKEN) from None


def delete_account(connection: Connection, user_id: UUID) -> None:
    """Delete the account and everything that belongs to it. The caller has locked it."""
    connection.execute("SELECT delete_account(%s)", (user_id,))


def add_transaction(connection: Connection, transaction: Transaction) -> bool:
    """Insert the transaction. Returns False if its user does not exist."""
    inserted = connection.execute(
        """
        INSERT INTO transactions (id, user_id, amount_cents, currency, description, created_at)
        SELECT %s, users.id, %s, %s, %s, %s FROM users WHERE users.id = %s FOR KEY SHARE
        """,
        (
            transaction.id,
            transaction.amount_cents,
            transaction.currency,
            transaction.description,
            transaction.created_at,
            transaction.user_id,
        ),
    )
    return inserted.rowcount == 1
