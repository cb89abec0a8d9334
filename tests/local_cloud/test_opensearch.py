"""The local cloud's OpenSearch: its data, its port, and that it is ours."""

import dataclasses
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from millrace_local.instance import Instance
from millrace_local.servers.opensearch import OpenSearch
from millrace_local.servers.server import NotReadyError
from tests.kit.servers import running

PRODUCT = {"name": "Café table"}


def test_a_killed_node_comes_back_with_what_it_acknowledged_and_without_its_start_cache(
    own_instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document that was indexed, but neither refreshed nor flushed, is found after a SIGKILL and a new start.

    The cache only saves time: that start has one that is cut off.
    """
    document = f"{own_instance.opensearch_url}/products/_doc/1"
    with running(OpenSearch(), own_instance) as process:
        httpx.put(f"{own_instance.opensearch_url}/products").raise_for_status()
        assert httpx.put(document, json=PRODUCT).status_code == HTTPStatus.CREATED
        process.kill()
        process.wait()
    broken = own_instance.home / "start.aot"
    broken.write_bytes(OpenSearch().cache().read_bytes()[:1_000_000])
    monkeypatch.setattr(OpenSearch, "cache", lambda _self: broken)
    with running(OpenSearch(), own_instance) as process:
        assert f"-XX:AOTCache={broken}" in OpenSearch().command(own_instance)
        assert httpx.get(document).json()["_source"] == PRODUCT


def test_words_are_found_without_accents_and_endings(opensearch: str) -> None:
    """The node has the distribution's analysis: languages, folding and a break iterator for every locale."""
    analysis = {"tokenizer": "standard", "filter": ["lowercase", "asciifolding", "porter_stem"], "text": "Cafés"}
    tokens = httpx.post(f"{opensearch}/_analyze", json=analysis).raise_for_status().json()["tokens"]
    assert [token["token"] for token in tokens] == ["cafe"]


def test_a_node_of_another_cloud_is_not_taken_for_ours(opensearch: str, instance: Instance, tmp_path: Path) -> None:
    """A cloud in another folder that is given the same port is told whose node answers there."""
    other = dataclasses.replace(instance, home=tmp_path)
    with pytest.raises(NotReadyError, match="another OpenSearch"):
        OpenSearch().check_ready(other)


def test_an_index_is_never_made_by_a_slip(opensearch: str) -> None:
    """Writing to an index that nobody created is refused, as its mapping would be a guess."""
    answer = httpx.put(f"{opensearch}/nobody-made-this/_doc/1", json=PRODUCT)
    assert answer.status_code == HTTPStatus.NOT_FOUND
