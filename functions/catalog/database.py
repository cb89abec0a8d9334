"""The domain's own database."""

import functools

from kernel.domains import domain_of
from kernel.storage import database

transaction = functools.partial(database.transaction, domain_of(__name__))
