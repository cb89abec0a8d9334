"""The rules of blog posts, without a server."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blogs import model
from blogs.model import Blog, Status
from kernel.contracts.blogs import BlogDeleted, BlogEvent, BlogPublished, BlogUpdated
from kernel.errors import ConflictError, ForbiddenError, NotFoundError

AUTHOR, READER = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 11, 21, tzinfo=UTC)
STATUSES: tuple[Status, ...] = ("draft", "published")


def post(status: Status, title: str = "title") -> Blog:
    return Blog(UUID(int=3), AUTHOR, title, "text", status, 1, NOW, NOW, NOW if status == "published" else None)


@pytest.mark.parametrize("reader", [AUTHOR, READER, None])
def test_a_draft_is_its_authors_alone(reader: UUID | None) -> None:
    """To anybody else it is as a post that does not exist; a published one is for all."""
    assert model.require_visible(post("published"), reader)
    if reader == AUTHOR:
        assert model.require_visible(post("draft"), reader)
        return
    messages = set()
    for hidden in (post("draft"), None):
        with pytest.raises(NotFoundError) as refused:
            model.require_visible(hidden, reader)
        messages.add(str(refused.value))
    assert len(messages) == 1


def test_only_the_author_changes_a_post() -> None:
    """Others learn that they may not only if they may read it."""
    assert model.require_owned(post("draft"), AUTHOR)
    with pytest.raises(ForbiddenError):
        model.require_owned(post("published"), READER)
    with pytest.raises(NotFoundError):
        model.require_owned(post("draft"), READER)


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("wanted", [*STATUSES, None])
def test_a_published_post_stays_published(before: Status, wanted: Status | None) -> None:
    """A revision publishes a draft, keeps what it does not name, and takes nothing back."""
    if (before, wanted) == ("published", "draft"):
        with pytest.raises(ConflictError):
            post(before).revise("title", "text", wanted)
        return
    revised = post(before).revise("another", "text", wanted)
    assert (revised.title, revised.status, revised.version) == ("another", wanted or before, 1)


@given(st.lists(st.sampled_from([*STATUSES, "deleted"]), min_size=1, max_size=8))
@settings(deadline=None)
def test_readers_can_follow_a_post_through_its_events(states: list[Status]) -> None:
    """From the events alone they know at each moment whether there is a post to read, and its title."""
    before: Blog | None = None
    shown: str | None = None
    for number, state in enumerate(states):
        after = None if state == "deleted" else post(state, f"title {number}")  # type: ignore[comparison-overlap]
        for event in model.announce(before, after):
            assert _follows(event, shown)
            shown = None if isinstance(event, BlogDeleted) else event.title
        before = after
        assert shown == (after.title if after and after.status == "published" else None)


def _follows(event: BlogEvent, shown: str | None) -> bool:
    return isinstance(event, BlogPublished) if shown is None else isinstance(event, BlogUpdated | BlogDeleted)
