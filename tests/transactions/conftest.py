"""A transactions database and the variables of its consumer."""

from tests.kit import domains

transactions = domains.database_fixture("transactions")
consumer = domains.consumer_fixture("transactions")
