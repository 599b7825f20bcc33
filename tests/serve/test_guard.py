"""Who is refused: no token, another origin, another name of this machine, a request that is too long."""

from __future__ import annotations

import pytest

from eginterpolator.serve.limits import Limits
from tests.builders.serve import HOST, ORIGIN, TOKEN, fake_page

pytest.importorskip("starlette", reason="the extra [serve] is not installed")


@pytest.fixture
def client(tmp_path):
    return fake_page(tmp_path)[0]


@pytest.fixture
def inside(client):
    """A browser that has opened the address that was printed."""
    assert client.get("/", params={"token": TOKEN}).status_code == 200
    return client


ADDRESSES = ["/", "/static/page.js", "/api/events", "/api/results", "/results/0/report", "/results/0/zip", "/none"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_answered_without_token(client, address):
    answer = client.get(address)
    assert answer.status_code == 403 and "token" in answer.json()["error"] and "set-cookie" not in answer.headers


@pytest.mark.parametrize("address", ["/api/jobs", "/api/look", "/api/jobs/0/cancel"])
def test_nothing_is_done_without_token(client, address):
    assert client.post(address, json={"smiles": "CCO"}, headers=ORIGIN).status_code == 403


@pytest.mark.parametrize("token", ["", "the-toke", "the-token2", "thé-token", "\udcff"])
def test_a_wrong_token_is_refused_as_address_and_as_cookie(client, token):
    assert client.get("/", params={"token": token} if token.isprintable() else {}).status_code == 403
    cookie = f"egi-8765={token}".encode("utf-8", "surrogateescape")
    assert client.get("/", headers={b"cookie": cookie}).status_code == 403


def test_the_token_counts_in_the_address_of_the_page_alone(client):
    assert client.get("/api/results", params={"token": TOKEN}).status_code == 403
    assert client.get("/", params={"token": [TOKEN, TOKEN]}).status_code == 403


def test_the_token_becomes_a_cookie_that_no_script_and_no_other_page_has(client):
    answer = client.get("/", params={"token": TOKEN})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "domain" not in cookie
    assert client.get("/").status_code == 200 and client.get("/api/results").json() == []


@pytest.mark.parametrize("host", ["evil.example:8765", "localhost:8765", "127.0.0.1", "127.0.0.1:80", "[::1]:8765", ""])
def test_another_host_is_refused(inside, host):
    """DNS rebinding: a foreign name that leads to this machine."""
    assert inside.get("/api/results", headers={"host": host}).status_code == 403
    assert inside.get("/", params={"token": TOKEN}, headers={"host": host}).status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:8765", "http://127.0.0.1:9999", "https://" + HOST, "null", ""]
)
def test_another_origin_is_refused(inside, origin):
    assert inside.get("/api/results", headers={"origin": origin}).status_code == 403
    answer = inside.post("/api/jobs", json={"smiles": "CCO"}, headers={"origin": origin})
    assert answer.status_code == 403 and "other pages" in answer.json()["error"]


def test_what_changes_something_brings_its_origin(inside):
    assert inside.post("/api/jobs", json={"smiles": "CCO"}).status_code == 403
    assert inside.post("/api/jobs", json={"smiles": "CCO"}, headers=ORIGIN).status_code == 201


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_is_refused_but_may_link_to_the_printed_address(inside, site):
    navigation = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
    assert inside.get("/results/0/report", headers=navigation).status_code == 403
    assert inside.get("/", headers=navigation).status_code == 403
    assert inside.get("/", params={"token": TOKEN}, headers=navigation).status_code == 200
    fetched = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
    assert inside.get("/", params={"token": TOKEN}, headers=fetched).status_code == 403
    assert inside.get("/api/results", headers={"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
def test_other_methods_are_refused(inside, method):
    assert inside.request(method, "/api/jobs", headers=ORIGIN).status_code == 405


def test_a_long_request_is_refused(tmp_path):
    client, desk, _ = fake_page(tmp_path, Limits(body_bytes=100))
    client.get("/", params={"token": TOKEN})
    headers = {**ORIGIN, "content-type": "application/json"}
    assert client.post("/api/jobs", content=b"{" * 101, headers=headers).status_code == 413
    parts = (b'{"smiles": "CCO", ' + b" " * 50 for _ in range(4))  # chunked: no length is given
    assert client.post("/api/jobs", content=parts, headers=headers).status_code == 413
    assert client.post("/api/jobs", content=b'{"smiles": "CCO"}', headers=headers).status_code == 201


def test_every_answer_has_a_policy_and_is_not_kept(inside):
    for address in (*ADDRESSES[:2], "/api/results", "/none"):
        headers = inside.get(address).headers
        assert "default-src 'none'" in headers["content-security-policy"], address
        assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin" and headers["referrer-policy"] == "no-referrer"
