"""Which proxy of the environment the client goes through."""

from __future__ import annotations

import os

import pytest

from caravan_client import AsyncClient, Client
from caravan_client.errors import ServerAway, from_response
from caravan_client.exchange import Response
from caravan_client.proxies import proxy_of
from tasks.errors import InvalidRequest

DEAD = "http://user:hunter2@127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000", "http://127.8.9.1", "http://0.0.0.0:1"],
)
def test_this_machine_is_asked_directly(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, DEAD)
    assert proxy_of(url) is None


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("http_proxy", "http://caravan.example.org:8000"),
        ("HTTP_PROXY", "http://localhost.example.org"),
        ("https_proxy", "https://10.0.0.1"),
        ("ALL_PROXY", "https://caravan.example.org"),
    ],
)
def test_others_are_asked_through_the_proxy(monkeypatch: pytest.MonkeyPatch, variable: str, url: str) -> None:
    monkeypatch.setenv(variable, DEAD)
    proxy = proxy_of(url)
    assert proxy is not None
    assert proxy.url == DEAD
    assert str(proxy) == f"http://***@127.0.0.1:9 ({variable})"


def test_no_proxy_names_hosts_that_are_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", DEAD)
    monkeypatch.setenv("no_proxy", "example.org,10.0.0.1:8000")
    assert proxy_of("http://caravan.example.org:8000") is None
    assert proxy_of("http://10.0.0.1:8000") is None
    assert proxy_of("http://10.0.0.1:8001") is not None


def test_a_proxy_without_a_scheme_speaks_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "proxy:3128")
    proxy = proxy_of("http://caravan.example.org")
    assert proxy is not None
    assert proxy.url == "http://proxy:3128"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("url", ["socks5://127.0.0.1:9", "gopher://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, kind: type[Client | AsyncClient], url: str
) -> None:
    monkeypatch.setenv("all_proxy", url)
    with pytest.raises(InvalidRequest, match=rf"The proxy {url} \(all_proxy\) cannot be used"):
        kind("http://caravan.example.org")
    kind("http://127.0.0.1:8000")


def test_a_proxys_own_answer_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", DEAD)
    proxy = proxy_of("http://caravan.example.org")
    error = from_response(503, None, b"<html>", proxy)
    assert isinstance(error, ServerAway)
    assert "503 through the proxy http://***@127.0.0.1:9 (http_proxy)" in error.message
    with pytest.raises(ServerAway, match="through the proxy"):
        Response(200, {}, b"<html>", proxy).json()
