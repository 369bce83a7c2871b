"""Which URLs a webhook may have."""

from __future__ import annotations

import re

import pytest

from tasks.webhooks.target import MAX_LENGTH, PATTERN, Target, parse

GOOD = {
    "https://example.com/hook?token=a%20b": Target("https", "example.com", 443, "/hook?token=a%20b"),
    "http://example.com": Target("http", "example.com", 80, "/"),
    "HTTPS://Example.COM:8443/A": Target("https", "example.com", 8443, "/A"),
    "https://example.com.?x": Target("https", "example.com", 443, "/?x"),
    "http://[2606:4700::0001]:8080/a": Target("http", "2606:4700::1", 8080, "/a"),
    "http://10.0.0.1:80/": Target("http", "10.0.0.1", 80, "/"),
}
BAD = {
    "ftp://example.com": "must begin with",
    "//example.com/x": "must begin with",
    "example.com": "must begin with",
    "": "must begin with",
    "https://user:secret@example.com/": "user or password",
    "https://user@example.com/": "user or password",
    "https://example.com?x@y#z": "fragment",
    "https://example.com/#top": "fragment",
    "https:///hook": "printable ASCII",
    "https://exa mple.com/": "printable ASCII",
    "https://example.com\\@evil.com/": "user or password",
    "https://example.com\\evil/": "printable ASCII",
    "https://bücher.example/": "printable ASCII",
    "https://example.com/a b": "printable ASCII",
    "https://example.com/\r\nX-Evil: 1": "printable ASCII",
    "https://example.com/\n": "printable ASCII",
    "https://exam%70le.com/": "printable ASCII",
    "https://[fe80::1%25eth0]/": "printable ASCII",
    "https://[1::2::3]/": "an IPv6 address",
    "https://./": "a name or an address",
    "https://a..b/": "a name or an address",
    "https://example.com:22/": "port",
    "https://example.com:0/": "port",
    "https://example.com:70000/": "port",
    "https://example.com/" + "a" * MAX_LENGTH: "at most",
}


@pytest.mark.parametrize("url", GOOD)
def test_a_url_is_taken_apart(url: str) -> None:
    assert parse(url) == GOOD[url]
    assert re.search(PATTERN, url)


@pytest.mark.parametrize("url", BAD)
def test_a_url_that_may_mean_something_else_is_refused_in_words(url: str) -> None:
    with pytest.raises(ValueError, match=BAD[url]):
        parse(url)


def test_no_refusal_repeats_a_password() -> None:
    with pytest.raises(ValueError, match="user") as caught:
        parse("https://user:hunter2@example.com/")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com/", "example.com"),
        ("https://example.com:443/", "example.com"),
        ("http://example.com:443/", "example.com:443"),
        ("https://example.com:8443/", "example.com:8443"),
        ("http://[2606:4700::1]/", "[2606:4700::1]"),
        ("http://[2606:4700::1]:8080/", "[2606:4700::1]:8080"),
    ],
)
def test_the_host_header_names_a_port_only_if_it_is_not_the_schemes(url: str, host: str) -> None:
    assert parse(url).host_header == host
