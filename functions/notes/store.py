"""Notes in Postgres. The owner is part of every statement."""

from uuid import UUID

from psycopg.rows import class_row
from psycopg.sql import SQL

from kernel.contracts.notes import NoteDeleted
from kernel.storage.database import Connection
from kernel.storage.keyset import GREATEST_ID
from notes.model import Note
from notes.schemas import CreateNote, ListNotes, NoteSummary

COLUMNS = SQL("id, owner_id, parent_id, title, content, version, created_at, updated_at")
LOCKS = 0x6E6F7465  # "note": the advisory locks' first key


def lock_tree(connection: Connection, owner: UUID) -> None:
    """Let one transaction at a time write *owner*'s notes. Must be the transaction's first statement.

    A move reads pages that a concurrent move may be moving. Two moves at once could put each page inside the other.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (LOCKS, str(owner)))


def add(connection: Connection, note_id: UUID, owner: UUID, command: CreateNote) -> Note:
    """Insert a note and return it."""
    with connection.cursor(row_factory=class_row(Note)) as cursor:
        cursor.execute(
            SQL(
                """
                INSERT INTO notes (id, owner_id, parent_id, title, content) VALUES (%s, %s, %s, %s, %s)
                RETURNING {}
                """
            ).format(COLUMNS),
            (note_id, owner, command.parent_id, command.title, command.content),
        )
        [note] = cursor
        return note


def get(connection: Connection, note_id: UUID, owner: UUID) -> Note | None:
    """Return the note, or None if *owner* has no such note."""
    with connection.cursor(row_factory=class_row(Note)) as cursor:
        cursor.execute(SQL("SELECT {} FROM notes WHERE id = %s AND owner_id = %s").format(COLUMNS), (note_id, owner))
        return cursor.fetchone()


def ancestors(connection: Connection, note_id: UUID, owner: UUID) -> list[UUID]:
    """Return the ids of the note and of the pages above it. The list is empty if *owner* has no such note."""
    rows = connection.execute(
        """
        WITH RECURSIVE ancestor AS (
            SELECT id, parent_id FROM notes WHERE id = %(note)s AND owner_id = %(owner)s
            UNION
            SELECT above.id, above.parent_id FROM notes AS above JOIN ancestor ON above.id = ancestor.parent_id
        )
        SELECT id FROM ancestor
        """,
        {"note": note_id, "owner": owner},
    )
    return [id_ for (id_,) in rows]


def save(connection: Connection, note: Note) -> Note:
    """Store the text and the place of *note* as its next version, and return that."""
    with connection.cursor(row_factory=class_row(Note)) as cursor:
        cursor.execute(
            SQL(
                """
                UPDATE notes SET title = %s, content = %s, parent_id = %s, version = version + 1, updated_at = now()
                WHERE id = %s AND owner_id = %s
                RETURNING {}
                """
            ).format(COLUMNS),
            (note.title, note.content, note.parent_id, note.id, note.owner_id),
        )
        [saved] = cursor
        return saved


def delete_tree(connection: Connection, note_id: UUID, owner: UUID) -> list[NoteDeleted]:
    """Delete the note and every page below it. Returns an event for each."""
    with connection.cursor(row_factory=class_row(NoteDeleted)) as cursor:
        cursor.execute(
            """
            WITH RECURSIVE tree AS (
                SELECT id FROM notes WHERE id = %(note)s AND owner_id = %(owner)s
                UNION
                SELECT below.id FROM notes AS below JOIN tree ON below.parent_id = tree.id
                WHERE below.owner_id = %(owner)s
            )
            DELETE FROM notes USING tree WHERE notes.id = tree.id
            RETURNING notes.id AS note_id, title, owner_id, parent_id
            """,
            {"note": note_id, "owner": owner},
        )
        return cursor.fetchall()


def newest(connection: Connection, owner: UUID, page: ListNotes) -> list[NoteSummary]:
    """Return a page of *owner*'s notes, newest first."""
    [after] = page.start(tuple[UUID]) or (GREATEST_ID,)
    with connection.cursor(row_factory=class_row(NoteSummary)) as cursor:
        cursor.execute(
            """
            SELECT id, parent_id, title, created_at, updated_at FROM notes
            WHERE owner_id = %s AND (%s::uuid IS NULL OR parent_id = %s) AND id < %s
            ORDER BY id DESC LIMIT %s
            """,
            (owner, page.parent_id, page.parent_id, after, page.limit),
        )
        return cursor.fetchall()
