"""GET /api/v1/transactions/balance: the sum of the signed-in user's transactions in each currency."""

from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from transactions import store
from transactions.database import transaction
from transactions.schemas import Balance


@endpoint(scope="user", rate="read")
def handler(request: Request) -> Balance:
    with transaction() as connection:
        return Balance(request.user_id, store.balances(connection, request.user_id))
