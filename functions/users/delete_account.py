"""DELETE /api/v1/users/profile, DELETE /api/v1/auth/profile: delete the signed-in user's account.

The account, its sessions and its requests are deleted immediately. Every other domain forgets the user when it
receives the event.
"""

from http import HTTPStatus

from kernel.contracts.users import UserDeleted
from kernel.errors import ForbiddenError, NotFoundError
from kernel.messaging import outbox
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from users import profiles, reauthentication, store
from users.database import transaction
from users.schemas import DeleteAccount


@endpoint(status=HTTPStatus.NO_CONTENT, scope="user", raises=(ForbiddenError, NotFoundError))
def handler(request: Request[DeleteAccount]) -> None:
    user_id = request.user_id
    current = reauthentication.require(user_id, request.body.current_password)
    with profiles.cached.changing(user_id), transaction() as connection:
        reauthentication.confirm(connection, current)
        store.delete_account(connection, user_id)
        outbox.add(connection, UserDeleted(user_id=user_id))
