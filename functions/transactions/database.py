"""The domain's own database."""

import functools

from kernel import domains
from kernel.storage import database

transaction = functools.partial(database.transaction, domains.of(__name__))
