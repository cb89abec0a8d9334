"""Blog posts in Postgres."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from blogs.model import Blog
from blogs.schemas import BlogSummary, CreateBlog, ListBlogs
from kernel.storage.database import Connection


class Forgotten(NamedTuple):
    """A post that went with its author's account."""

    blog_id: UUID
    author_id: UUID
    published: bool


def add(connection: Connection, blog_id: UUID, author: UUID, command: CreateBlog) -> Blog:
    with connection.cursor(row_factory=class_row(Blog)) as cursor:
        cursor.execute(
            """
            INSERT INTO blogs (id, author_id, title, content, status, published_at)
            VALUES (%s, %s, %s, %s, %s, CASE WHEN %s = 'published' THEN now() END)
            RETURNING *
            """,
            (blog_id, author, command.title, command.content, command.status, command.status),
        )
        [blog] = cursor
        return blog


def get(connection: Connection, blog_id: UUID) -> Blog | None:
    with connection.cursor(row_factory=class_row(Blog)) as cursor:
        return cursor.execute("SELECT * FROM blogs WHERE id = %s", (blog_id,)).fetchone()


def lock(connection: Connection, blog_id: UUID, reader: UUID) -> Blog | None:
    """The post if *reader* may see it, kept from others' changes until the transaction ends."""
    with connection.cursor(row_factory=class_row(Blog)) as cursor:
        cursor.execute(
            "SELECT * FROM blogs WHERE id = %s AND (status = 'published' OR author_id = %s) FOR UPDATE",
            (blog_id, reader),
        )
        return cursor.fetchone()


def save(connection: Connection, blog: Blog) -> Blog:
    """Keep *blog*'s text and status as its next version, which is returned."""
    with connection.cursor(row_factory=class_row(Blog)) as cursor:
        cursor.execute(
            """
            UPDATE blogs
            SET title = %s, content = %s, status = %s, version = version + 1, updated_at = now(),
                published_at = CASE WHEN %s = 'published' THEN coalesce(published_at, now()) END
            WHERE id = %s AND author_id = %s
            RETURNING *
            """,
            (blog.title, blog.content, blog.status, blog.status, blog.id, blog.author_id),
        )
        [saved] = cursor
        return saved


def delete(connection: Connection, blog: Blog) -> None:
    connection.execute("DELETE FROM blogs WHERE id = %s AND author_id = %s", (blog.id, blog.author_id))


def forget(connection: Connection, people: list[UUID], most: int) -> list[Forgotten]:
    """Delete up to *most* posts of the people; return them."""
    return [Forgotten(*row) for row in connection.execute("SELECT * FROM forget_blogs(%s, %s)", (people, most))]


def newest(connection: Connection, author: UUID | None, page: ListBlogs) -> list[BlogSummary]:
    """The posts of *author* or, if None, of everybody; the last published (of drafts: created) first."""
    after = page.start(tuple[datetime, UUID]) or ("infinity", UUID(int=(1 << 128) - 1))
    with connection.cursor(row_factory=class_row(BlogSummary)) as cursor:
        cursor.execute(
            """
            SELECT id, author_id, title, left(content, 300) AS excerpt, status, created_at, updated_at, published_at
            FROM blogs
            WHERE status = %s AND (%s::uuid IS NULL OR author_id = %s)
                AND (coalesce(published_at, created_at), id) < (%s::timestamptz, %s::uuid)
            ORDER BY coalesce(published_at, created_at) DESC, id DESC LIMIT %s
            """,
            (page.status, author, author, *after, page.limit),
        )
        return cursor.fetchall()
