"""Products are nobody's; the answers that are kept for who changed them go with the account."""

from uuid import uuid4

from tests.forgetting.deletions import hear_of
from tests.kit.databases import Database


def test_deletes_the_kept_answers_of_the_person(catalog: Database) -> None:
    """And nobody else's."""
    person, other = uuid4(), uuid4()
    with catalog.connect() as connection:
        for principal in (person, other):
            connection.execute(
                "INSERT INTO idempotency_keys (route, principal, key_hash, fingerprint) VALUES ('route', %s, '', '')",
                (str(principal),),
            )
    for _ in range(2):
        hear_of("catalog", person)
    assert catalog.rows("SELECT principal FROM idempotency_keys") == [(str(other),)]
