"""DELETE /api/v1/notes/{id}: delete one of the caller's notes, and every page below it."""

from http import HTTPStatus

from kernel.errors import PreconditionFailedError
from kernel.messaging import outbox
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from notes import model, store
from notes.database import transaction


@endpoint(status=HTTPStatus.NO_CONTENT, scope="user", rate="write", raises=(PreconditionFailedError,))
def handler(request: Request) -> None:
    note_id, owner = request.id(), request.user_id
    with transaction() as connection:
        store.lock_tree(connection, owner)
        note = model.require(store.get(connection, note_id, owner))
        etags.check(request, note.version)
        outbox.add_many(connection, store.delete_tree(connection, note_id, owner))
