"""GET /api/v1/transactions/{id}: one of the signed-in user's transactions."""

from kernel import http
from kernel.database import transaction
from kernel.errors import NotFoundError
from transactions import store
from transactions.schemas import TransactionView


@http.endpoint(scope="user", rate="read")
def handler(request: http.Request) -> TransactionView:
    with transaction("transactions") as connection:
        found = store.get(connection, request.user_id, request.id())
    if found is None:
        raise NotFoundError("You have no such transaction.")
    return found
