"""POST /api/v1/transactions: request a booking on the signed-in user's account."""

from datetime import UTC, datetime
from http import HTTPStatus

from msgspec.structs import asdict

from kernel import ids
from kernel.contracts.transactions import TransactionCreated
from kernel.errors import NotFoundError
from kernel.messaging import outbox
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from users import model, store
from users.commands import RequestTransaction
from users.database import transaction
from users.model import Transaction
from users.schemas import NewTransaction


@endpoint(status=HTTPStatus.CREATED, scope="user", idempotent=True, raises=(NotFoundError,))
def handler(request: Request[NewTransaction]) -> Transaction:
    body = request.body
    command = RequestTransaction(request.user_id, body.amount_cents, body.currency, body.description)
    model.check_transaction(command)
    created = Transaction(id=ids.new(), created_at=datetime.now(UTC), **asdict(command))
    event = TransactionCreated(
        transaction_id=created.id,
        user_id=created.user_id,
        amount_cents=created.amount_cents,
        currency=created.currency,
        description=created.description,
        created_at=created.created_at,
    )
    with transaction() as connection:
        if not store.add_transaction(connection, created):
            raise NotFoundError(model.NO_ACCOUNT)
        outbox.add(connection, event)
    return created
