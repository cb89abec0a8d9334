"""POST /api/v1/auth/register, POST /api/v1/users/register: make an account."""

from http import HTTPStatus

from kernel import http, ids, outbox, settings
from kernel.contracts.users import UserRegistered
from kernel.database import transaction
from kernel.errors import ConflictError
from users import model, passwords, store
from users.schemas import Profile, Registration


@http.endpoint(status=HTTPStatus.CREATED, rate="register", idempotent_in="users", raises=(ConflictError,))
def handler(request: http.Request[Registration]) -> Profile:
    registration = request.body
    names = (registration.username, registration.email)
    refuse_common = settings.refuses_common_passwords()
    model.check_password("password", registration.password, *names, refuse_common=refuse_common)
    password_hash = passwords.hash_password(registration.password)
    with transaction("users") as connection:
        profile = store.add_user(connection, ids.new(), registration, password_hash)
        event = UserRegistered(user_id=profile.id, username=profile.username, email=profile.email)
        outbox.add(connection, event)
    return profile
