"""The relay of notes; what it does when it or a server dies is proven of the kernel's."""

from notes import publish_events
from tests.kit import relays
from tests.kit.databases import Database
from tests.kit.documents import Person

NOTE = {"title": "Plan", "content": "text"}


def test_the_story_of_each_note_arrives_in_order(notes: Database, owner: Person, kafka: str) -> None:
    """Under the note's id as key, each event once, also of pages that went with the page above."""
    top = owner.create(NOTE).body["id"]
    pages = [owner.create({**NOTE, "parentId": top}).body["id"] for _ in range(10)]
    for page in pages:
        owner.update(page, {**NOTE, "title": "New"})
    notes.end_sessions()
    assert owner.delete(top).status == 204

    with relays.relaying(notes, kafka, "note-events"):
        assert relays.run(publish_events) == {"published": 32, "parked": 0, "failures": 0}
        assert relays.run(publish_events)["published"] == 0
    told = relays.received(kafka, "note-events")
    assert [kind for _, kind in told[top]] == ["note-created", "note-deleted"]
    for page in pages:
        assert [kind for _, kind in told[page]] == ["note-created", "note-updated", "note-deleted"]
