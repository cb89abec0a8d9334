"""POST /api/v1/notes: create a note, at the top or below another one."""

from http import HTTPStatus

from kernel import ids
from kernel.contracts.notes import NoteCreated
from kernel.errors import UnprocessableError
from kernel.messaging import outbox
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import LARGEST_CONTENT_BODY, Request
from kernel.web.responses import Reply
from notes import model, store
from notes.database import transaction
from notes.model import Note
from notes.schemas import CreateNote


@endpoint(
    status=HTTPStatus.CREATED,
    scope="user",
    rate="write",
    largest_body=LARGEST_CONTENT_BODY,
    idempotent=True,
    raises=(UnprocessableError,),
)
def handler(request: Request[CreateNote]) -> Reply[Note]:
    note_id, owner, command = ids.new(), request.user_id, request.body
    with transaction() as connection:
        store.lock_tree(connection, owner)
        if command.parent_id:
            model.check_parent(note_id, store.ancestors(connection, command.parent_id, owner))
        note = store.add(connection, note_id, owner, command)
        outbox.add(connection, note.announce(NoteCreated))
    return Reply(note, headers={"ETag": etags.of(note.version), "Location": f"notes/{note.id}"})
