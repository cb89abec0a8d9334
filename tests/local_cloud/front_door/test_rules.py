"""The rules by which an HTTP port of the local cloud accepts a request."""

import pytest

from millrace_plugin.front_door.rules import foreign_origin, refusal
from tests.local_cloud.front_door.cases import BROWSER, FOREIGN_ORIGINS, OWN_ORIGINS, UNWELCOME, WELCOME

OLD_BROWSER = {"User-Agent": BROWSER}


@pytest.mark.parametrize("request_headers", WELCOME.values(), ids=WELCOME)
def test_own_names_and_clients_that_are_no_browsers_come_in(request_headers: dict[str, str]) -> None:
    assert refusal(request_headers.items()) is None


@pytest.mark.parametrize("request_headers", UNWELCOME.values(), ids=UNWELCOME)
def test_other_names_and_other_sites_pages_stay_out(request_headers: dict[str, str]) -> None:
    assert refusal(request_headers.items())


def test_a_request_without_a_host_is_no_browsers() -> None:
    assert refusal([]) is None


def test_every_host_must_be_ours() -> None:
    assert refusal([("Host", "localhost"), ("host", "evil.example")])


def test_the_host_of_a_whole_url_as_target_counts() -> None:
    assert refusal([("Host", "localhost")], "http://evil.example/")
    assert refusal([("Host", "localhost")], "http://localhost/") is None


def test_a_url_in_the_query_is_no_target() -> None:
    assert refusal([("Host", "localhost")], "/?QueueUrl=http://elsewhere.example/queue") is None


def test_an_origin_is_left_to_the_server_that_knows_it() -> None:
    assert refusal([("Host", "localhost"), ("Sec-Fetch-Site", "cross-site"), ("Origin", "http://a.example")]) is None


def test_an_empty_origin_is_none() -> None:
    assert refusal([("Host", "localhost"), ("Sec-Fetch-Site", "cross-site"), ("Origin", "")])


def test_an_old_browser_may_name_a_page_of_this_machine() -> None:
    page = {"Host": "localhost.localstack.cloud:8420", "Referer": "http://localhost:3000/shop", **OLD_BROWSER}

    assert refusal(page.items()) is None


def test_a_browser_may_open_what_is_made_for_browsers() -> None:
    site = {"Host": "shop.s3-website.us-east-1.localhost.localstack.cloud:4566", **OLD_BROWSER}

    assert refusal(site.items(), "/index.html?page=2", has_pages=True) is None
    assert refusal(site.items(), "/index.html?page=2")


@pytest.mark.parametrize("query", ["Action=DeleteStack&StackName=a", "%41ction=DeleteStack", "a=b&Action"])
def test_an_action_is_not_made_for_browsers(query: str) -> None:
    bucket = {"Host": "any.s3.localhost.localstack.cloud:4566", **OLD_BROWSER}

    assert refusal(bucket.items(), f"/?{query}", has_pages=True)


@pytest.mark.parametrize("origin", OWN_ORIGINS)
def test_a_page_of_this_machine_may_use_a_server_without_an_allow_list(origin: str) -> None:
    assert foreign_origin([("Origin", origin)]) is None


@pytest.mark.parametrize("origin", [*FOREIGN_ORIGINS, "http://["])
def test_a_page_from_elsewhere_may_not(origin: str) -> None:
    assert foreign_origin([("Origin", origin)])
