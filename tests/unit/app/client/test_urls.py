"""How addresses of servers are shown."""

from __future__ import annotations

import pytest

from caravan_client.urls import without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h/0", "redis://h/0"),
        ("redis://me:x@h/0", "redis://***@h/0"),
        ("redis://:a\nb@h/0", "redis://***@h/0"),
        ("redis://h/0?password=x&client_name=y", "redis://h/0?password=***&client_name=y"),
        ("rediss://:a@h/0?client_name=y&ssl_password=x", "rediss://***@h/0?client_name=y&ssl_password=***"),
        ("redis+sentinel://a,b/main?sentinel_Password=x", "redis+sentinel://a,b/main?sentinel_Password=***"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
