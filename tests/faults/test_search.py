"""kill -9 of OpenSearch while products change and are searched."""

import threading
from http import HTTPStatus

import httpx
import psycopg

from tests.end_to_end.commerce import seller
from tests.faults.servers import has_recovered, kill
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until

PRODUCTS = 30


def test_writes_and_searches_go_on_and_the_index_catches_up(cloud: Cloud) -> None:
    """No request fails, and within a minute of its return the index has every product in its last version, no other."""
    killer = threading.Thread(target=kill("opensearch"), args=[cloud])
    with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as api:
        headers = seller(cloud, api).headers
        for number in range(PRODUCTS):
            if number == PRODUCTS // 3:
                killer.start()
            product = {"name": f"Product {number}", "category": "faults", "priceCents": 100, "stock": 1}
            made = api.post("/api/v1/products", json=product, headers=headers)
            assert made.status_code == HTTPStatus.CREATED, made.text
            path = f"/api/v1/products/{made.json()['id']}"
            changed = api.put(path, json=product | {"priceCents": number}, headers=headers)
            assert changed.status_code == HTTPStatus.OK, changed.text
            if number % 5 == 0:
                assert api.delete(path, headers=headers).status_code == HTTPStatus.NO_CONTENT
            found = api.get("/api/v1/products/search", params={"q": "product"})
            assert found.status_code == HTTPStatus.OK, found.text
    killer.join()
    wait_until(lambda: _answers(cloud), seconds=60, what="OpenSearch to be back")
    wait_until(lambda: _indexed(cloud) == _stored(cloud), seconds=60, what="the index to equal the database")
    wait_until(lambda: has_recovered(cloud), seconds=60, what="the cloud to recover")


def _answers(cloud: Cloud) -> bool:
    try:
        return httpx.get(f"{cloud.instance.opensearch_url}/products/_count").status_code == HTTPStatus.OK
    except httpx.TransportError:
        return False


def _indexed(cloud: Cloud) -> dict[str, int]:
    """The version of each product in the index."""
    question = {"query": {"term": {"deleted": False}}, "size": 10_000, "version": True, "_source": False}
    httpx.post(f"{cloud.instance.opensearch_url}/products/_refresh")
    answer = httpx.post(f"{cloud.instance.opensearch_url}/products/_search", json=question).json()
    return {hit["_id"]: hit["_version"] for hit in answer["hits"]["hits"]}


def _stored(cloud: Cloud) -> dict[str, int]:
    """The version of each product in the database."""
    with psycopg.connect(cloud.database_url("catalog")) as connection:
        return {str(id_): version for id_, version in connection.execute("SELECT id, version FROM products")}
