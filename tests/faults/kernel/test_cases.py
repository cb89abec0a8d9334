"""Each case of the fault matrix that runs on the rig. `docs/reliability.md` says what they show."""

import os
from collections.abc import Callable

import pytest

from tests.faults.cases.declared import CASES
from tests.faults.harness.campaign import PROPERTY, campaign_of
from tests.faults.harness.case import Case, run
from tests.faults.harness.rig import DEFAULT
from tests.faults.harness.rigs import Rigs


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        extent = campaign_of(metafunc.config).extent
        # Those that want the same rig come together, as it takes seconds to start one.
        several = sorted((case for case in CASES if case.size(extent)), key=lambda case: case.setup != DEFAULT)
        metafunc.parametrize("case", several, ids=[case.name for case in several])


@pytest.mark.timeout(3600)
def test_nothing_is_lost_doubled_or_reordered(
    case: Case, rigs: Rigs, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> None:
    """Every acknowledged command has one effect, in the order of its key, and only poison is dead-lettered."""
    if case.needs_root and os.geteuid() != 0:
        pytest.skip(f"needs root: {case.needs_root}")
    campaign = campaign_of(pytestconfig)
    with rigs.lend(case.set_up(campaign.extent)) as rig:
        result = run(case, rig, campaign.extent, campaign.seed)
    record_property(PROPERTY, campaign.measured(case, result))
    assert not result.verdict.violations, f"seed {campaign.seed}: {result.verdict.described()}"
    result.require_row()
