"""A projection is mended by the commands of an operator, on the running cloud."""

import json
import subprocess
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from millrace_local.deployment import databases
from tests.end_to_end.commerce import Shop
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until

NAME = "orders.on_product_events"


@pytest.fixture(scope="module")
def shop(cloud: Cloud) -> Iterator[Shop]:
    with httpx.Client(base_url=cloud.instance.api_url, timeout=60) as api:
        yield Shop.opened(cloud, api)


def test_a_wrong_price_is_found_and_mended(cloud: Cloud, shop: Shop) -> None:
    """Plan, rebuild, comparison and swap, each refused in words when it makes no sense; the audit names them."""
    product = shop.product()
    with psycopg.connect(databases.url(cloud.instance, "orders", "owner"), autocommit=True) as owner:

        def price() -> int | None:
            query = "SELECT price_cents FROM products WHERE product_id = %s"
            row = owner.execute(query, (product["id"],)).fetchone()
            return row[0] if row else None

        def projections(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
            return cloud.millrace("projections", *arguments, check=check)

        wait_until(lambda: price() == 49_900, seconds=60, what="the orders to know the product")
        owner.execute("UPDATE products SET price_cents = 1 WHERE product_id = %s", (product["id"],))

        assert "There is no rebuild" in projections("compare", NAME, check=False).stderr
        plan = json.loads(projections("rebuild", NAME, "--json").stdout)
        assert plan["count"] > 0
        wrong = str(plan["count"] + 1)
        assert projections("rebuild", NAME, "--execute", "--expect", wrong, check=False).returncode == 1
        projections("rebuild", NAME, "--execute", "--expect", str(plan["count"]))
        compared = projections("compare", NAME, check=False)
        assert compared.returncode == 1
        assert f"products, different: {product['id']}" in compared.stdout
        assert "events applied, 0 to read" in projections("list").stdout
        projections("swap", NAME, "--execute", "--expect", "1", "--reason", "a price was wrong")

        assert price() == 49_900
    assert "none" in projections("list").stdout
    entries = [each["command"] for each in json.loads(cloud.millrace("audit", "--json").stdout)]
    assert entries[:2] == [f"projections swap {NAME}", f"projections rebuild {NAME}"]
