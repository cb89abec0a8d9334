"""DELETE /api/v1/notes/{id}: delete one of the caller's notes, and every page below it."""

from http import HTTPStatus

from kernel import etags, http, outbox
from kernel.database import transaction
from kernel.errors import PreconditionFailedError
from notes import model, store


@http.endpoint(status=HTTPStatus.NO_CONTENT, scope="user", rate="write", raises=(PreconditionFailedError,))
def handler(request: http.Request) -> None:
    note_id, owner = request.id(), request.user_id
    with transaction("notes") as connection:
        store.lock_tree(connection, owner)
        note = model.found(store.get(connection, note_id, owner))
        etags.check(request, note.version)
        outbox.add_many(connection, store.delete_tree(connection, note_id, owner))
