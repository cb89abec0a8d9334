"""The domain's own database."""

import functools

from kernel import domains
from kernel.storage import database

connect = functools.partial(database.connect, domains.of(__name__))
transaction = functools.partial(database.transaction, domains.of(__name__))
