"""How slowly a client may send or read."""

from __future__ import annotations

import time
from typing import Any

import pytest

from app.cli.web.pace import GRACE_SECONDS, LEAST_RATE, MOST_SECONDS, Pace
from app.cli.web.paced_socket import PIECE, PacedSocket


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


class Client:
    """A client as a socket shows it: so many seconds pass with each piece, whatever its size."""

    def __init__(self, clock: Clock, *, seconds: float, data: bytes = b"x") -> None:
        self._clock, self._seconds, self._data = clock, seconds, data
        self.timeout: float | None = None
        self.sent = 0

    def settimeout(self, timeout: float | None) -> None:
        self.timeout = timeout

    def recv(self, size: int) -> bytes:
        self._pass()
        return self._data

    def sendall(self, data: memoryview) -> None:
        self._pass()
        self.sent += len(data)

    def _pass(self) -> None:
        if self.timeout is not None and self.timeout < self._seconds:
            self._clock.now += self.timeout
            raise TimeoutError
        self._clock.now += self._seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def reads(client: Any, *, most: int, body_seconds: float = 3600) -> int:
    """How many pieces of a body are read before the client is too slow."""
    paced = PacedSocket(client, body_seconds=body_seconds)
    with paced.request():
        for num in range(most):
            try:
                paced.recv(8192)
            except TimeoutError:
                return num
    return most


def test_every_piece_buys_the_time_that_the_least_rate_takes_for_it() -> None:
    pace = Pace()
    assert pace.seconds_left == GRACE_SECONDS
    pace.note(num_bytes=10 * LEAST_RATE, waited=12.0)
    assert pace.seconds_left == GRACE_SECONDS + 10 - 12
    pace.note(num_bytes=0, waited=1000.0)
    assert pace.seconds_left == 0


def test_no_number_of_bytes_buys_more_than_two_minutes() -> None:
    pace = Pace()
    pace.note(num_bytes=10**9, waited=0.0)
    assert pace.seconds_left == MOST_SECONDS


def test_no_rate_buys_more_than_the_deadline() -> None:
    pace = Pace(60)
    pace.note(num_bytes=10**9, waited=59.0)
    assert pace.seconds_left == 1


def test_a_body_that_trickles_is_given_up_after_the_grace(clock: Clock) -> None:
    assert reads(Client(clock, seconds=14), most=100) == 2
    assert clock.now == pytest.approx(GRACE_SECONDS, abs=0.01)


def test_a_body_of_the_least_rate_is_read_to_its_end(clock: Clock) -> None:
    assert reads(Client(clock, seconds=1, data=b"x" * LEAST_RATE), most=1000) == 1000


def test_a_body_of_any_rate_has_a_deadline(clock: Clock) -> None:
    assert reads(Client(clock, seconds=1, data=b"x" * 100 * LEAST_RATE), most=1000, body_seconds=100) == 100


def test_between_requests_the_socket_waits_as_long_as_gunicorn_lets_it(clock: Clock) -> None:
    client = Client(clock, seconds=1000)
    paced = PacedSocket(client, body_seconds=60)
    with paced.request():
        client.timeout = 5  # as it was left by the last bytes of an answer
    assert paced.recv(8192) == b"x"


def test_a_client_that_reads_too_slowly_counts_as_gone(clock: Clock) -> None:
    client = Client(clock, seconds=12)  # a piece buys eight seconds
    paced = PacedSocket(client, body_seconds=60)
    with paced.request():
        paced.sendall(b"HEAD")
        with pytest.raises(BrokenPipeError):
            paced.sendall(b"x" * 1000 * PIECE)
    assert client.sent == 5 * PIECE


def test_a_stream_has_no_deadline_as_long_as_its_client_reads(clock: Clock) -> None:
    client = Client(clock, seconds=0)
    paced = PacedSocket(client, body_seconds=60)
    with paced.request():
        for _ in range(1000):
            clock.now += 60
            paced.sendall(b": still here\n\n")
    assert client.sent == 14 * 1000


class Wire:
    """A socket that keeps what is sent, a call at a time."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []

    def settimeout(self, timeout: float | None) -> None: ...

    def sendall(self, data: memoryview) -> None:
        self.calls.append(bytes(data))


@pytest.mark.parametrize(
    ("writes", "calls"),
    [
        ([b"HEAD\r\n\r\n", b"body"], [b"HEAD\r\n\r\nbody"]),
        ([b"HEAD\r\n\r\n", b"one", b"two"], [b"HEAD\r\n\r\none", b"two"]),
        ([b"HEAD\r\n\r\n"], [b"HEAD\r\n\r\n"]),
        ([b"HEAD\r\n\r\n", b"", b"late"], [b"HEAD\r\n\r\n", b"late"]),
        ([], []),
    ],
    ids=["an answer", "a stream", "no body", "an empty first piece", "nothing"],
)
def test_the_headers_go_with_the_first_bytes_of_the_body(writes: list[bytes], calls: list[bytes]) -> None:
    wire = Wire()
    paced = PacedSocket(wire, body_seconds=60)
    for _ in range(2):
        wire.calls.clear()
        with paced.request():
            for data in writes:
                paced.sendall(data)
        assert wire.calls == calls
    paced.sendall(b"an error outside of a request")
    assert wire.calls[-1] == b"an error outside of a request"


def test_a_large_answer_is_sent_whole_and_in_order() -> None:
    wire, body = Wire(), bytes(range(256)) * (PIECE // 64)
    paced = PacedSocket(wire, body_seconds=60)
    with paced.request():
        paced.sendall(b"HEAD")
        paced.sendall(body)
    assert b"".join(wire.calls) == b"HEAD" + body
    assert max(map(len, wire.calls)) <= PIECE


def test_headers_that_wait_are_sent_though_the_answer_breaks_off() -> None:
    wire = Wire()
    paced = PacedSocket(wire, body_seconds=60)

    def break_off() -> None:
        with paced.request():
            paced.sendall(b"HEAD")
            raise StopIteration

    with pytest.raises(StopIteration):
        break_off()
    assert wire.calls == [b"HEAD"]
