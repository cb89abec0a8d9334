"""DELETE /api/v1/users/profile, DELETE /api/v1/auth/profile: delete the signed-in user's account.

The account, its sessions and its requests are gone at once; every other domain forgets the user when it hears of it.
"""

from http import HTTPStatus

from kernel import http, outbox
from kernel.contracts.users import UserDeleted
from kernel.database import transaction
from kernel.errors import ForbiddenError, NotFoundError
from users import profiles, reauthentication, store
from users.schemas import DeleteAccount


@http.endpoint(status=HTTPStatus.NO_CONTENT, scope="user", raises=(ForbiddenError, NotFoundError))
def handler(request: http.Request[DeleteAccount]) -> None:
    user_id = request.user_id
    current = reauthentication.require(user_id, request.body.current_password)
    with profiles.cached.changing(user_id), transaction("users") as connection:
        reauthentication.confirm(connection, current)
        store.delete_account(connection, user_id)
        outbox.add(connection, UserDeleted(user_id=user_id))
