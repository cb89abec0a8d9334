"""GET /api/v1/transactions/balance: what the signed-in user's transactions add up to, for each currency."""

from kernel import http
from kernel.database import transaction
from transactions import store
from transactions.schemas import Balance


@http.endpoint(scope="user", rate="read")
def handler(request: http.Request) -> Balance:
    with transaction("transactions") as connection:
        return Balance(request.user_id, store.balances(connection, request.user_id))
