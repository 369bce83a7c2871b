"""Requests of odd methods, paths and headers, drawn from a seed: the front refuses them, and fails at none."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fronts import ADMIN_KEY
from tests.support.redis_server import RedisServer, free_port
from tests.support.web_front import WebFront, to_the_end

REQUESTS = int(os.environ.get("CARAVAN_TEST_RAW_REQUESTS", "1000"))
SEED = int(os.environ.get("CARAVAN_TEST_SEED", "1"))
AWAY = {b"501", b"503"}
"""A transfer coding that gunicorn does not know, and the Flower that is not there."""

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"

METHODS = [*b"GET POST PUT DELETE PATCH OPTIONS HEAD TRACE CONNECT get X\xff".split(b" "), b""]
PATHS = [
    *(b"/ /jobs /jobs/x/events /queues/demo/pause /models /metrics /admin/keys /docs /openapi.json /v1/files").split(),
    *(b"/v1/batches /v1/models/demo /v1/chat/completions /v1/responses/x/input_items").split(),
    *(b"/flower /flower/ /flower/api/x").split(),
]
ENDS = b"/\xff ?\xff=\x01 %00 /%ff ?a=%zz // /.. ?after=\xff ?limit=\xb2 ?wait=nan ;x \\ #\xff".split(b" ")
NAMES = [
    *(
        b"Host Authorization Content-Type Content-Length Transfer-Encoding Content-Encoding Accept-Encoding Range"
    ).split(),
    *(b"Origin Sec-Fetch-Site Cookie Prefer Expect Upgrade Connection X-Forwarded-For If-None-Match X_Y").split(),
    *(b"Last-Event-ID Idempotency-Key Access-Control-Request-Method Accept Sec-Fetch-Mode").split(),
    b"",
]
VALUES = [
    *(
        b"localhost [::1 null cross-site 5 -1 99999999999999999999 chunked gzip h2c 100-continue bytes=0-1 wait=9e9"
    ).split(),
    *(
        b"text/html",
        b"application/json",
        b"multipart/form-data; boundary=\xff",
        b"Basic \xff\xfe",
        b"Bearer " + ADMIN_KEY.encode(),
    ),
    *(b"\xff\xfe", b"a" * 500, b"\x00", b""),
]
BODIES = [b"", b"{}", b"5\r\nhello\r\n0\r\n\r\n", b"\xff" * 50, b'{"model":"demo"}']


def drawn(draw: random.Random) -> bytes:
    """One request."""
    target = draw.choice(PATHS) + (draw.choice(ENDS) if draw.random() < 0.5 else b"")
    headers = [b"Host: localhost", b"Connection: close"]
    headers += [b"Authorization: Bearer " + ADMIN_KEY.encode()] if draw.random() < 0.5 else []
    headers += [draw.choice(NAMES) + b": " + draw.choice(VALUES) for _ in range(draw.randint(0, 4))]
    headers += [b"Content-Length: 2"] if draw.random() < 0.5 else []
    lines = [draw.choice(METHODS) + b" " + target + b" HTTP/1.1", *headers, b"", draw.choice(BODIES)]
    return b"\r\n".join(lines)


@pytest.fixture(params=["true", "false"], ids=["keys", "no keys"])
def front(request: pytest.FixtureRequest, redis_server: RedisServer, tmp_path: Path) -> Iterator[WebFront]:
    flower = f"http://127.0.0.1:{free_port()}"
    running = WebFront(tmp_path, redis_server.url, CARAVAN_KEYS=request.param, CARAVAN_FLOWER_URL=flower)
    running.start()
    yield running
    running.stop()


def test_no_request_makes_the_front_fail(front: WebFront) -> None:
    draw = random.Random(SEED)
    for _ in range(REQUESTS):
        request = drawn(draw)
        with front.connection() as connected:
            connected.sendall(request)
            connected.shutdown(socket.SHUT_WR)
            answer = to_the_end(connected).removeprefix(GO_ON)
        status = answer[9:12]
        assert answer.startswith(b"HTTP/1.1 "), (request, answer)
        assert not status.startswith(b"5") or status in AWAY, (request, answer)
    assert "Traceback" not in front.process.output()
