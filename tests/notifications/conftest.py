"""A notifications database and the variables with which its functions find their surroundings."""

from tests.kit import domains

notifications = domains.database_fixture("notifications")
consumer = domains.consumer_fixture("notifications")
