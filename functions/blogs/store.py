"""Blog posts in Postgres."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row
from psycopg.sql import SQL

from blogs.model import Blog
from blogs.schemas import BlogSummary, CreateBlog, ListBlogs
from kernel.storage.database import Connection
from kernel.storage.keyset import NEWEST

COLUMNS = SQL("id, author_id, title, content, status, version, created_at, updated_at, published_at")


class DeletedPost(NamedTuple):
    """A post that was deleted with its author's account."""

    blog_id: UUID
    author_id: UUID
    published: bool


def add(connection: Connection, blog_id: UUID, author: UUID, command: CreateBlog) -> Blog:
    """Insert a post and return it."""
    with connection.cursor(row_factory=class_row(Blog)) as cursor:
        cursor.execute(
            SQL(
                """
                INSERT INTO blogs (id, author_id, title, content, status, published_at)
                VALUES (%s, %s, %s, %s, %s, CASE WHEN %s = 'published' THEN now() END)
                RETURNING {}
                """
            ).format(COLUMNS),
            (blog_id, author, command.title, command.content, command.status, command.status),
        )
        [blog] = cursor
        return blog


def get(connection: Connection, blog_id: UUID) -> Blog | None:
    """Return the post, or None if it does not exist."""
    with connection.cursor(row_factory=class_row(Blog)) as cursor:
        cursor.execute(SQL("SELECT {} FROM blogs WHERE id = %s").format(COLUMNS), (blog_id,))
        return cursor.fetchone()


def lock(connection: Connection, blog_id: UUID, reader: UUID) -> Blog | None:
    """Lock the post until the transaction ends and return it. Returns None if *reader* may not see it."""
    with connection.cursor(row_factory=class_row(Blog)) as cursor:
        cursor.execute(
            SQL("SELECT {} FROM blogs WHERE id = %s AND (status = 'published' OR author_id = %s) FOR UPDATE").format(
                COLUMNS
            ),
            (blog_id, reader),
        )
        return cursor.fetchone()


def save(connection: Connection, blog: Blog) -> Blog:
    """Store the text and the status of *blog* as its next version, and return that."""
    with connection.cursor(row_factory=class_row(Blog)) as cursor:
        cursor.execute(
            SQL(
                """
                UPDATE blogs
                SET title = %s, content = %s, status = %s, version = version + 1, updated_at = now(),
                    published_at = CASE WHEN %s = 'published' THEN coalesce(published_at, now()) END
                WHERE id = %s AND author_id = %s
                RETURNING {}
                """
            ).format(COLUMNS),
            (blog.title, blog.content, blog.status, blog.status, blog.id, blog.author_id),
        )
        [saved] = cursor
        return saved


def delete(connection: Connection, blog: Blog) -> None:
    """Delete the post."""
    connection.execute("DELETE FROM blogs WHERE id = %s AND author_id = %s", (blog.id, blog.author_id))


def forget(connection: Connection, people: list[UUID], most: int) -> list[DeletedPost]:
    """Delete up to *most* posts of the people and return them."""
    return [DeletedPost(*row) for row in connection.execute("SELECT * FROM forget_blogs(%s, %s)", (people, most))]


def newest(connection: Connection, author: UUID | None, page: ListBlogs) -> list[BlogSummary]:
    """Return a page of posts, the last published first; of drafts, the last created.

    *author*: None for everybody's posts.
    """
    after = page.start(tuple[datetime, UUID]) or NEWEST
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
