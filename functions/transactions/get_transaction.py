"""GET /api/v1/transactions/{id}: one of the signed-in user's transactions."""

from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from transactions import model, store
from transactions.database import transaction
from transactions.model import TransactionView


@endpoint(scope="user", rate="read")
def handler(request: Request) -> TransactionView:
    with transaction() as connection:
        return model.require(store.get(connection, request.user_id, request.id()))
