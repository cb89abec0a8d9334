"""Every version of an event that was ever published can be read, for ever. A sample is never edited, only added.

`<domain>/<type>.v<n>.json`, where the domain is the module of `kernel.contracts` that holds the type.
"""

import json
from pathlib import Path

import msgspec
import pytest

from kernel.contracts.event import type_of
from kernel.messaging import events
from kernel.messaging.events import Reader
from tests.kit.contracts import DOMAINS, of_domain
from tests.kit.lambda_events import record

SAMPLES = sorted(Path(__file__).parent.glob("*/*.json"))


def label(sample: Path) -> str:
    return f"{sample.parent.name}/{sample.stem}"


@pytest.mark.parametrize("sample", SAMPLES, ids=label)
def test_reads_every_sample(sample: Path) -> None:
    """The sample's file name is its type and version; read and written again, it says the same."""
    found = Reader(*of_domain(sample.parent.name)).read(events.parse(record(sample.read_bytes())))

    assert found is not None
    assert type_of(type(found[1])) == sample.name.partition(".")[0]
    assert json.loads(msgspec.json.encode(found[1])).items() >= _without_fractions(sample).items()


@pytest.mark.parametrize("sample", SAMPLES, ids=label)
def test_ignores_what_a_later_version_adds(sample: Path) -> None:
    """A field that this release does not know changes nothing."""
    reader = Reader(*of_domain(sample.parent.name))
    later = json.dumps(json.loads(sample.read_text()) | {"addedLater": {"x": [1]}}).encode()

    assert reader.read(events.parse(record(later))) == reader.read(events.parse(record(sample.read_bytes())))


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_contract_has_a_sample(domain: str) -> None:
    """A contract cannot be published without being frozen here."""
    frozen = {path.name.partition(".")[0] for path in SAMPLES if path.parent.name == domain}

    assert frozen == {type_of(contract) for contract in of_domain(domain)}


def _without_fractions(sample: Path) -> dict[str, object]:
    """Times are written without a fraction of zero."""
    return {
        name: value.replace(".000Z", "Z") if isinstance(value, str) else value
        for name, value in json.loads(sample.read_text()).items()
    }
