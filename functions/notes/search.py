"""Full-text search of notes by Postgres: words or their beginnings, "phrases", -exclusions, `or`."""

from uuid import UUID

from msgspec.structs import replace
from psycopg.rows import class_row

from kernel.storage import found_words
from kernel.storage.database import Connection
from kernel.storage.found_words import HIT_END, HIT_START, SHOWN_FROM, SHOWN_TO
from notes.model import match_prefixes
from notes.schemas import FoundNote, ListNotes

HEADLINE = f'StartSel={HIT_START}, StopSel={HIT_END}, MaxFragments=2, MinWords=5, MaxWords=20, FragmentDelimiter=" … "'


def search(connection: Connection, owner: UUID, page: ListNotes) -> list[FoundNote]:
    """Return a page of *owner*'s notes that match `page.q`, the best first.

    No text is malformed: anything but an operator is a word, and a text without words matches nothing.
    """
    rank, note_id = page.start(tuple[float, UUID]) or (float("inf"), UUID(int=0))
    with connection.cursor(row_factory=class_row(FoundNote)) as cursor:
        cursor.execute(
            """
            WITH found AS (
                SELECT *, ts_rank(words, %(query)s::tsquery)::float8 AS rank FROM notes
                WHERE owner_id = %(owner)s AND words @@ %(query)s::tsquery
                    AND (%(parent)s::uuid IS NULL OR parent_id = %(parent)s)
            ), page AS (
                SELECT * FROM found WHERE (rank, id) < (%(rank)s, %(id)s) ORDER BY rank DESC, id DESC LIMIT %(limit)s
            )
            SELECT id, parent_id, title, created_at, updated_at, rank,
                ts_headline('simple', translate(content, %(signs)s, %(stand_ins)s), %(query)s::tsquery, %(options)s) AS snippet
            FROM page ORDER BY rank DESC, id DESC
            """,
            {
                "query": _query(connection, page.q or ""),
                "owner": owner,
                "parent": page.parent_id,
                "limit": page.limit,
                "signs": SHOWN_FROM,
                "stand_ins": SHOWN_TO,
                "options": HEADLINE,
                "rank": rank,
                "id": note_id,
            },
        )
        return [replace(note, snippet=found_words.snippet(note.snippet)) for note in cursor]


def _query(connection: Connection, text: str) -> str:
    words = found_words.query(text)
    [(tsquery,)] = connection.execute("SELECT websearch_to_tsquery('simple', %s)::text", (words,)).fetchall()
    return match_prefixes(tsquery)
