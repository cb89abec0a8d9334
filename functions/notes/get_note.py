"""GET /api/v1/notes/{id}: one of the caller's notes."""

from kernel import etags, http
from kernel.database import transaction
from kernel.responses import Reply
from notes import model, store
from notes.model import Note


@http.endpoint(scope="user", rate="read")
def handler(request: http.Request) -> Reply[Note]:
    with transaction("notes") as connection:
        note = model.found(store.get(connection, request.id(), request.user_id))
    return Reply(note, headers={"ETag": etags.of(note.version)})
