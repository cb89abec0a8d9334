from millrace_plugin.kafka_trigger.backpressure import (
    MAXIMUM_BYTES,
    MAXIMUM_RECORDS,
    PAUSE_AFTER_SECONDS,
    Backlog,
    Backpressure,
)

FULL = Backlog(MAXIMUM_RECORDS + 1, 0, stuck=False)
EMPTY = Backlog(0, 0, stuck=False)


def test_a_partition_with_room_is_read() -> None:
    """Nothing is waited for or paused below the bounds."""
    assert Backpressure(100).decide({0: EMPTY, 1: Backlog(MAXIMUM_RECORDS, MAXIMUM_BYTES, stuck=False)}, 0) == (
        False,
        set(),
        set(),
    )


def test_a_full_partition_is_waited_for_before_it_is_paused() -> None:
    """Only one that stays full too long is paused, and resumed when half empty."""
    backpressure = Backpressure(100)
    assert backpressure.decide({0: FULL}, 0) == (True, set(), set())
    assert backpressure.decide({0: FULL}, PAUSE_AFTER_SECONDS + 0.1) == (False, {0}, set())
    assert backpressure.decide({0: FULL}, 60) == (False, set(), set())
    assert backpressure.decide({0: EMPTY}, 61) == (False, set(), {0})


def test_c7_a_stuck_partition_is_paused_at_once() -> None:
    """A partition whose head is being retried does not make the others wait."""
    assert Backpressure(100).decide({0: FULL._replace(stuck=True), 1: EMPTY}, 0) == (False, {0}, set())


def test_a_revoked_partition_is_forgotten() -> None:
    """When it comes back it is read again."""
    backpressure = Backpressure(100)
    backpressure.decide({0: FULL._replace(stuck=True)}, 0)
    backpressure.decide({}, 1)
    assert backpressure.decide({0: FULL._replace(stuck=True)}, 2).pause == {0}
