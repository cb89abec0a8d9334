"""The matrix is whole: each row has a case, a proof or a reason, and each proof exists."""

import ast

import pytest

from millrace_local.instance import ROOT
from tests.faults.cases.declared import CASES
from tests.faults.cases.matrix import ABSENT, KILLED_PARTS, PARTIAL, PROOFS, ROWS, Proof, rows_shown
from tests.faults.servers import FAULTS


def test_every_row_is_shown_or_has_a_reason() -> None:
    """Not both: a reason that no longer holds goes when the case comes."""
    assert set(ROWS) == set(range(1, 36))
    assert rows_shown() | set(ABSENT) == set(ROWS)
    assert not rows_shown() & set(ABSENT)
    assert set(PARTIAL) <= rows_shown()


def test_every_part_that_is_killed_belongs_to_a_row() -> None:
    assert set(KILLED_PARTS.values()) == set(FAULTS)


def test_every_case_has_a_name_of_its_own() -> None:
    names = [*(case.name for case in CASES), *(proof.name for proof in PROOFS)]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_every_proof_is_a_test_of_the_suite(proof: Proof) -> None:
    """A test that was renamed proves nothing any more."""
    for test in proof.tests:
        path, _, function = test.partition("[")[0].partition("::")
        tree = ast.parse((ROOT / path).read_text())
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert not function or function in names, test
