"""POST /api/v1/auth/register, POST /api/v1/users/register: create an account."""

from http import HTTPStatus

from kernel import ids, settings
from kernel.contracts.users import UserRegistered
from kernel.errors import ConflictError
from kernel.messaging import outbox
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from users import model, passwords, store
from users.database import transaction
from users.model import Profile
from users.schemas import Registration


@endpoint(status=HTTPStatus.CREATED, rate="register", idempotent=True, raises=(ConflictError,))
def handler(request: Request[Registration]) -> Profile:
    registration = request.body
    names = (registration.username, registration.email)
    refuse_common = settings.refuses_common_passwords()
    model.check_password("password", registration.password, *names, refuse_common=refuse_common)
    password_hash = passwords.hash_password(registration.password)
    with transaction() as connection:
        profile = store.add_user(connection, ids.new(), registration, password_hash)
        event = UserRegistered(
            user_id=profile.id, username=profile.username, email=profile.email, updated_at=profile.updated_at
        )
        outbox.add(connection, event)
    return profile
