"""What a replay must not do, as rules: no server is asked."""

import pytest

from kernel.errors import ConflictError
from kernel.messaging import markers
from kernel.messaging.log_record import LogRecord
from operations import consumers, replaying


def test_events_with_derived_ids_are_for_consumers_that_need_no_inbox() -> None:
    """No inbox knows such an id, so any other consumer would apply the event twice."""
    several = consumers.of_topic("blog-events")
    idempotent = consumers.of_topic("product-events")

    replaying.require_known_ids(several, 0)
    replaying.require_known_ids(idempotent, 3)
    with pytest.raises(
        ConflictError, match=r"3 of these events .* notifications\.on_blog_events would apply them twice"
    ):
        replaying.require_known_ids([*idempotent, *several], 3)


@pytest.mark.parametrize("name", ["derived_id", "ce_id"])
def test_a_derived_id_is_told_by_its_marker(name: str) -> None:
    """Its form alone would not tell: other services may derive the ids that they publish."""
    record = LogRecord("order-events", -1, 0, 0, b"k", b"{}", [(name, b"1")])

    assert replaying.has_derived_id(record) is (name == markers.DERIVED_ID)
