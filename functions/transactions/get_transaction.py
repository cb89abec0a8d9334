"""GET /api/v1/transactions/{id}: one of the signed-in user's transactions."""

from kernel.errors import NotFoundError
from kernel.storage.database import transaction
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from transactions import store
from transactions.schemas import TransactionView


@endpoint(scope="user", rate="read")
def handler(request: Request) -> TransactionView:
    with transaction("transactions") as connection:
        found = store.get(connection, request.user_id, request.id())
    if found is None:
        raise NotFoundError("You have no such transaction.")
    return found
