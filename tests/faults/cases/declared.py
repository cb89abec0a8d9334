"""The declared list of cases that run on the rig."""

from tests.faults.cases import broker, conditions, database, functions, operators, records
from tests.faults.harness.case import Case

CASES: tuple[Case, ...] = tuple(
    sorted(
        (
            *broker.CASES,
            *functions.CASES,
            *database.CASES,
            *records.CASES,
            *conditions.CASES,
            *operators.CASES,
        ),
        key=lambda case: case.row,
    )
)
