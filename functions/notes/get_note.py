"""GET /api/v1/notes/{id}: one of the caller's notes."""

from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply
from notes import model, store
from notes.database import transaction
from notes.model import Note


@endpoint(scope="user", rate="read")
def handler(request: Request) -> Reply[Note]:
    with transaction() as connection:
        note = model.require(store.get(connection, request.id(), request.user_id))
    return Reply(note, headers={"ETag": etags.of(note.version)})
