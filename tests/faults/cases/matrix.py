"""Every row of the fault matrix: what it is, and where it is shown, or why it cannot be."""

from dataclasses import dataclass

from tests.faults.cases.declared import CASES

ROWS = {
    1: "Broker down during a request",
    2: "Broker down after the commit",
    3: "Function killed between commit and publishing",
    4: "Relay killed after the broker's acknowledgement, before its mark",
    5: "Consumer killed in mid-batch",
    6: "Timeout in mid-batch",
    7: "Database failover in mid-batch",
    8: "Ambiguous commit",
    9: "Duplicate delivery",
    10: "The same event twice inside one batch",
    11: "Events out of order",
    12: "Poison record",
    13: "Everything is poison",
    14: "Oversized record",
    15: "Schema drift",
    16: "Clock skew",
    17: "Stripe's webhook repeated, reordered, forged, stale",
    18: "Payment API times out",
    19: "Replay of old events",
    20: "Dead-letter topic absent or not authorised",
    21: "Redrive killed midway",
    22: "Redis down",
    23: "OpenSearch down",
    24: "Rotation of signing keys",
    25: "Rebalance during a batch",
    26: "Several relays at once",
    27: "Long transaction while the relay polls",
    28: "Hot key",
    29: "Rush on database connections",
    30: "Frozen function with a dead socket",
    31: "Disk full, database read-only",
    32: "Growth of outbox and inbox",
    33: "Concurrent appends to one order",
    34: "Snapshot corrupt or old",
    35: "Rotation of secrets",
}


@dataclass(frozen=True)
class Proof:
    """A case that tests elsewhere in the suite prove. A run of all cases runs these very tests.

    *tests*: files, or tests of a file as pytest names them.
    *needs_cloud*: whether they work on a whole local cloud.
    """

    row: int
    words: str
    tests: tuple[str, ...]
    needs_cloud: bool = False

    @property
    def name(self) -> str:
        return f"{self.row} {self.words}"


KILLED = "tests/faults/test_killed_servers.py"
EFFECTS = "test_every_acknowledged_command_has_its_effect_once"
EVENTS = "test_no_event_is_lost_doubled_or_wrongly_dead_lettered"
# As `tests.faults.servers` names them, by the row that each of them belongs to.
KILLED_PARTS = {2: "kafka", 3: "localstack", 5: "function processes", 7: "postgres", 18: "stripe", 23: "opensearch"}

PROOFS = (
    Proof(
        11,
        "product's events in any order",
        ("tests/orders/test_on_product_events.py::test_a_thousand_sequences_of_arrival_end_alike",),
    ),
    Proof(
        11,
        "payment's news in any order",
        (
            "tests/payments/test_receive_stripe_webhook.py::test_any_order_of_arrival_ends_alike",
            "tests/orders/test_on_payment_events.py::test_news_of_money_that_goes_back_end_alike_in_any_order",
        ),
    ),
    Proof(
        12,
        "later records of a dead-lettered key wait for it",
        ("tests/kernel/test_ordered_consumer.py", "tests/kernel/test_parked_keys.py"),
    ),
    Proof(
        15,
        "every published version of an event, and later ones",
        ("tests/contracts/test_contracts.py", "tests/orders/test_events.py"),
    ),
    Proof(
        17,
        "Stripe's messages repeated, shuffled, forged and stale",
        (
            "tests/payments/test_receive_stripe_webhook.py::test_100_payments_complete_once_each_whatever_arrives_between",
        ),
    ),
    Proof(
        18,
        "half of all calls to Stripe lost",
        (
            "tests/payments/test_settlement.py::test_charges_once_while_half_of_all_calls_are_lost",
            "tests/payments/test_settlement.py::test_goes_on_where_a_killed_process_stopped_in_a_call",
        ),
    ),
    Proof(
        22,
        "Redis down, silent, or dying under a stampede",
        (
            "tests/kernel/test_cache.py::test_without_redis_everything_is_loaded",
            "tests/kernel/test_cache.py::test_a_stampede_while_redis_dies_is_answered",
            "tests/kernel/test_redis_server.py::test_a_silent_redis_costs_little_once_and_then_nothing",
            "tests/kernel/test_rate_limit.py::test_while_redis_is_down_reads_and_writes_go_on",
            "tests/kernel/test_rate_limit.py::test_while_redis_is_down_logins_and_registrations_are_counted_here",
        ),
    ),
    Proof(
        23,
        "OpenSearch stopped and started again",
        (
            "tests/catalog/test_on_product_events.py::test_the_index_equals_the_database_soon_after_opensearchs_return",
            "tests/catalog/test_on_product_events.py::test_any_story_in_any_order_with_failures_ends_as_the_database",
        ),
    ),
    Proof(
        24,
        "signing keys rotated, retired and unknown",
        (
            "tests/users/test_rotate_keys.py::test_no_valid_token_is_refused_during_a_rotation",
            "tests/users/test_rotate_keys.py::test_a_retired_key_is_refused",
            "tests/kernel/test_tokens.py::test_a_flood_of_unknown_keys_reads_the_keys_once_in_half_a_minute",
        ),
    ),
    Proof(
        32,
        "published rows go by the day, and the inbox outlasts redrives",
        ("tests/kernel/test_outbox_days.py", "tests/kernel/test_retention.py"),
    ),
    Proof(
        33,
        "64 writers append to one order",
        ("tests/orders/test_repository.py::test_64_writers_at_once_leave_no_gap_and_no_double",),
    ),
    Proof(
        34,
        "snapshots damaged and of another release",
        ("tests/orders/test_repository.py::test_a_snapshot_that_cannot_be_used_changes_nothing",),
    ),
    Proof(
        35,
        "both of Stripe's webhook secrets taken",
        ("tests/payments/test_receive_stripe_webhook.py::test_takes_both_secrets_while_one_is_replaced",),
    ),
    *(
        Proof(
            row,
            f"whole cloud: {part} killed",
            (f"{KILLED}::{EFFECTS}[{part}]", f"{KILLED}::{EVENTS}[{part}]"),
            needs_cloud=True,
        )
        for row, part in KILLED_PARTS.items()
    ),
    Proof(
        23,
        "whole cloud: OpenSearch killed while products change",
        ("tests/faults/test_search.py",),
        needs_cloud=True,
    ),
    Proof(
        4,
        "whole cloud: relay killed without its schedule",
        ("tests/faults/test_relays.py",),
        needs_cloud=True,
    ),
)

# Rows without a case, and why.
ABSENT: dict[int, str] = {}

# Parts of rows that cannot occur on one machine without AWS.
PARTIAL = {
    7: "A failover to another host cannot occur: there is one Postgres. Stop, kill, hang, cut and refusal can.",
    16: "Lambda tells a function its deadline by its host's clock. Both have the same wrong one here.",
    22: "Redis answers or does not: a cluster that fails over in part cannot occur.",
    32: "A soak of ten million events takes longer than a case may. How tables grow is measured apart.",
    29: "There is no RDS Proxy here, so pinned sessions cannot be seen. The limit of connections is Postgres's own.",
}


def rows_shown() -> set[int]:
    return {case.row for case in CASES} | {proof.row for proof in PROOFS}
