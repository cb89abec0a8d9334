"""PUT /api/v1/notes/{id}: give one of the caller's notes a new text, or move it."""

from kernel.contracts.notes import NoteUpdated
from kernel.errors import ConflictError, PreconditionFailedError, UnprocessableError
from kernel.messaging import outbox
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import LARGEST_CONTENT_BODY, Request
from kernel.web.responses import Reply
from notes import model, store
from notes.database import transaction
from notes.model import Note
from notes.schemas import UpdateNote


@endpoint(
    scope="user",
    rate="write",
    largest_body=LARGEST_CONTENT_BODY,
    raises=(ConflictError, PreconditionFailedError, UnprocessableError),
)
def handler(request: Request[UpdateNote]) -> Reply[Note]:
    note_id, owner, command = request.id(), request.user_id, request.body
    with transaction() as connection:
        store.lock_tree(connection, owner)
        note = model.found(store.get(connection, note_id, owner))
        etags.check(request, note.version)
        revised = note.revised(command.title, command.content, command.parent_id)
        if revised.parent_id and revised.parent_id != note.parent_id:
            model.check_parent(note_id, store.line(connection, revised.parent_id, owner))
        # What is the same already is no change: the same request sent twice is announced once.
        if revised != note:
            revised = store.save(connection, revised)
            outbox.add(connection, revised.told_as(NoteUpdated))
    return Reply(revised, headers={"ETag": etags.of(revised.version)})
