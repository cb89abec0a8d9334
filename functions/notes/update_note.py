"""PUT /api/v1/notes/{id}: change the text of one of the caller's notes, or move it."""

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
        note = model.require(store.get(connection, note_id, owner))
        etags.check(request, note.version)
        revised = note.revise(command.title, command.content, command.parent_id)
        if revised.parent_id and revised.parent_id != note.parent_id:
            model.check_parent(note_id, store.ancestors(connection, revised.parent_id, owner))
        # An unchanged document is not saved, so that a request that is sent twice is announced once.
        if revised != note:
            revised = store.save(connection, revised)
            outbox.add(connection, revised.announce(NoteUpdated))
    return Reply(revised, headers={"ETag": etags.of(revised.version)})
