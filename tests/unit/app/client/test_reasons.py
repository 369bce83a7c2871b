"""Why a request had no response, in words."""

from __future__ import annotations

import httpx
import pytest

from caravan_client import wire

REQUEST = httpx.Request("GET", "http://h:1/jobs")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused", request=REQUEST), "does not answer: Connection refused."),
        (httpx.ConnectTimeout("", request=REQUEST), "does not answer: ConnectTimeout."),
        (
            httpx.RemoteProtocolError("peer closed connection (incomplete chunked read)", request=REQUEST),
            "has broken the connection.",
        ),
        (httpx.ReadError("", request=REQUEST), "has broken the connection."),
    ],
)
def test_the_reason_is_told_without_numbers_and_names_of_protocols(error: httpx.TransportError, said: str) -> None:
    assert wire.reason(error, None) == f"http://h:1 {said}"
