"""Notes in Postgres. Whose they are is part of every statement."""

from uuid import UUID

from psycopg.rows import class_row

from kernel.contracts.notes import NoteDeleted
from kernel.storage.database import Connection
from notes.model import Note
from notes.schemas import CreateNote, ListNotes, NoteSummary

LOCKS = 0x6E6F7465  # "note": the advisory locks' first key


def lock_tree(connection: Connection, owner: UUID) -> None:
    """Let one transaction at a time write *owner*'s notes; to be the transaction's first statement.

    What moves a page looks at pages that another move may be moving: only taking turns keeps circles out.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (LOCKS, str(owner)))


def add(connection: Connection, note_id: UUID, owner: UUID, command: CreateNote) -> Note:
    with connection.cursor(row_factory=class_row(Note)) as cursor:
        cursor.execute(
            """
            INSERT INTO notes (id, owner_id, parent_id, title, content) VALUES (%s, %s, %s, %s, %s)
            RETURNING id, owner_id, parent_id, title, content, version, created_at, updated_at
            """,
            (note_id, owner, command.parent_id, command.title, command.content),
        )
        [note] = cursor
        return note


def get(connection: Connection, note_id: UUID, owner: UUID) -> Note | None:
    with connection.cursor(row_factory=class_row(Note)) as cursor:
        cursor.execute(
            """
            SELECT id, owner_id, parent_id, title, content, version, created_at, updated_at FROM notes
            WHERE id = %s AND owner_id = %s
            """,
            (note_id, owner),
        )
        return cursor.fetchone()


def line(connection: Connection, note_id: UUID, owner: UUID) -> list[UUID]:
    """The note and the pages above it, up to the top; empty if *owner* has no such note."""
    rows = connection.execute(
        """
        WITH RECURSIVE line AS (
            SELECT id, parent_id FROM notes WHERE id = %(note)s AND owner_id = %(owner)s
            UNION
            SELECT above.id, above.parent_id FROM notes AS above JOIN line ON above.id = line.parent_id
        )
        SELECT id FROM line
        """,
        {"note": note_id, "owner": owner},
    )
    return [id_ for (id_,) in rows]


def save(connection: Connection, note: Note) -> Note:
    """Keep *note*'s text and place as its next version, which is returned."""
    with connection.cursor(row_factory=class_row(Note)) as cursor:
        cursor.execute(
            """
            UPDATE notes SET title = %s, content = %s, parent_id = %s, version = version + 1, updated_at = now()
            WHERE id = %s AND owner_id = %s
            RETURNING id, owner_id, parent_id, title, content, version, created_at, updated_at
            """,
            (note.title, note.content, note.parent_id, note.id, note.owner_id),
        )
        [saved] = cursor
        return saved


def delete_tree(connection: Connection, note_id: UUID, owner: UUID) -> list[NoteDeleted]:
    """Delete the note and every page below it; what is to be told of each."""
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
    """*owner*'s notes, newest first."""
    [after] = page.start(tuple[UUID]) or (UUID(int=(1 << 128) - 1),)
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
