"""Which names a server goes by, and which pages are its own."""

from __future__ import annotations

import os

import pytest

from app.http.hosts import is_cross_site, is_known, lets_in, own_names

NAMES = own_names("127.0.0.1") | {"web", "*.example.org"}


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8000", "LOCALHOST.", "app.localhost:8000", "127.0.0.1", "127.0.0.1:8000", "[::1]:8000",
        "[::1]", "10.1.2.3:8000", "192.168.0.7", "[fe80::1]:8000", "", "web:8000", "web", "a.example.org",
        "a.b.example.org:443", "host.docker.internal:8000", f"{os.uname().nodename}:8000",
    ],
)  # fmt: skip
def test_an_address_and_a_known_name_are_its_own_at_any_port(host: str) -> None:
    assert is_known(host, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        "example.com", "example.com:8000", "example.org", "notlocalhost", "localhost.example.com", "127.0.0.1.example",
        "web.example.com", "xexample.org", "localhost:8000:1", "localhost@example.com", "[::1", "[example.com]", "a b",
        "localhost/x", "127.0.0.1:80x",
    ],
)  # fmt: skip
def test_any_other_name_is_not(host: str) -> None:
    assert not is_known(host, NAMES)


def test_a_star_is_every_name() -> None:
    assert is_known("example.com", {"*"})


HOST = {"Host": "localhost:8000"}
NAVIGATES = {"Sec-Fetch-Mode": "navigate"}


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {}),
        ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8000"}),
        ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": "null"}),
        ("POST", {"Sec-Fetch-Site": "none"}),
        ("DELETE", {"Origin": "http://localhost:8000"}),
        ("DELETE", {"Origin": "https://localhost:8000"}),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example.org"}),
        ("GET", {"Sec-Fetch-Site": "cross-site", **NAVIGATES}),
    ],
)
def test_programs_own_pages_named_origins_and_followed_links_may_call(method: str, headers: dict[str, str]) -> None:
    assert not is_cross_site(method, {**HOST, **headers}, ["https://app.example.org"])


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {"Sec-Fetch-Site": "cross-site"}),
        ("POST", {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"}),
        ("POST", {"Sec-Fetch-Site": "cross-site", **NAVIGATES}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
        ("POST", {"Origin": "http://localhost:3000"}),
        ("POST", {"Origin": "null"}),
        ("POST", {"Origin": "http://["}),
        ("POST", {"Origin": ""}),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Origin": "http://app.example.org"}),
    ],
)
def test_what_another_page_sends_is_told_apart(method: str, headers: dict[str, str]) -> None:
    assert is_cross_site(method, {**HOST, **headers}, ["https://app.example.org"])


LOCAL_ORIGINS = [
    "http://localhost", "http://localhost:3000", "https://LOCALHOST:3000", "http://127.0.0.1", "http://127.0.0.2:8080",
    "http://[::1]", "http://[::1]:3000",
]  # fmt: skip
LOCAL_HOSTS = ["localhost:8000", "LOCALHOST", "127.0.0.1:8000", "[::1]:8000"]


@pytest.mark.parametrize("origin", LOCAL_ORIGINS)
@pytest.mark.parametrize("host", LOCAL_HOSTS)
def test_localhost_lets_in_the_pages_of_this_machine(origin: str, host: str) -> None:
    assert lets_in(origin, host, ["localhost"])
    assert not lets_in(origin, host, ["https://app.example.org"])


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example", "http://notlocalhost", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
        "http://localhost@evil.example", "http://evil.example#localhost", "localhost", "null", "", "file://localhost",
        "http://10.0.0.7:3000", "http://0.0.0.0", "http://[", "http://localhost:3000:80", "http://", "http:///localhost",
    ],
)  # fmt: skip
def test_localhost_lets_in_no_other_page(origin: str) -> None:
    assert not lets_in(origin, "localhost:8000", ["localhost"])


@pytest.mark.parametrize("host", ["gpu.example:8000", "10.0.0.7:8000", "", "localhost.example", "host.docker.internal"])
def test_localhost_lets_in_no_page_to_another_machine(host: str) -> None:
    """Whoever opened the page sits at another machine than this server's, whose programs have other rights."""
    assert not lets_in("http://localhost:3000", host, ["localhost"])
