"""GET /api/v1/notes: the caller's notes, newest first; with ?q= those that match, best first."""

from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply
from notes import store
from notes.database import transaction
from notes.schemas import FoundNote, ListNotes, NoteSummary
from notes.search import search


@endpoint(scope="user", rate="read")
def handler(request: Request[None, ListNotes]) -> Reply[list[FoundNote] | list[NoteSummary]]:
    page, owner = request.query, request.user_id
    with transaction() as connection:
        notes = search(connection, owner, page) if page.q else store.newest(connection, owner, page)
    return page.reply(notes, lambda note: note.position())
