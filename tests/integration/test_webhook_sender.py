"""One attempt to send a webhook, against real receivers: where it may go, and when it is over."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, ip_address
from pathlib import Path

import httpx
import pytest

from tasks.webhooks.dial import lookup
from tasks.webhooks.networks import Address, Network
from tasks.webhooks.send import Answer, Sender
from tests.support.receiver import Receiver, Reply

LOOPBACK = IPv4Address("127.0.0.1")
ALLOWED: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"),)
PUBLIC = IPv4Address("93.184.216.34")


class Resolver:
    """Names that lead where the test wants; each answer is given once, the last one for ever."""

    def __init__(self, *answers: Sequence[Address]) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)

    def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def sender(
    resolver: Resolver | None = None,
    *,
    allowed: tuple[Network, ...] = ALLOWED,
    seconds: float = 5.0,
    tls: ssl.SSLContext | None = None,
) -> Sender:
    return Sender(
        timeout_seconds=seconds,
        allowed=allowed,
        ssl_context=tls or httpx.create_ssl_context(),
        lookup=resolver or lookup,
    )


def test_a_receiver_gets_the_body_and_the_headers_as_they_are() -> None:
    with Receiver() as receiver:
        url = f"http://receiver.example:{receiver.port}/hook?a=b%20c"
        answer = sender(Resolver([LOOPBACK])).post(url, b'{"a":1}', {"webhook-id": "msg_1"})
    assert answer == Answer(status=204)
    assert answer.taken
    (request,) = receiver.requests
    assert (request.path, request.body) == ("/hook?a=b%20c", b'{"a":1}')
    assert request.headers["host"] == f"receiver.example:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "msg_1"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "localhost.", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]"],
)
def test_loopback_is_refused_however_it_is_written_unless_it_is_allowed(host: str) -> None:
    with Receiver() as receiver:
        url = f"http://{host}:{receiver.port}/"
        assert sender(allowed=()).post(url, b"{}", {}) == Answer(error="address_refused")
        assert receiver.requests == []


def test_metadata_of_a_cloud_is_refused_without_a_connection() -> None:
    began = time.monotonic()
    assert sender().post("http://169.254.169.254/latest/meta-data/", b"{}", {}).error == "address_refused"
    assert time.monotonic() - began < 1


def test_one_closed_address_among_open_ones_is_enough_to_be_refused() -> None:
    resolver = Resolver([PUBLIC, ip_address("10.0.0.1")])
    assert sender(resolver).post("http://mixed.example/", b"{}", {}) == Answer(error="address_refused")


def test_a_name_that_leads_elsewhere_after_the_check_is_not_followed() -> None:
    """It is looked up once, and what was judged is what is dialled: the second answer is never asked for."""
    with Receiver() as receiver:
        resolver = Resolver([LOOPBACK], [ip_address("169.254.169.254")])
        answer = sender(resolver).post(f"http://rebinding.example:{receiver.port}/", b"{}", {})
        assert answer.status == 204
        assert len(receiver.requests) == 1
    assert resolver.asked == ["rebinding.example"]
    allowed = (IPv4Network("127.0.0.2/32"),)
    turned = Resolver([ip_address("127.0.0.2")], [LOOPBACK])
    with Receiver() as receiver:
        url = f"http://rebinding.example:{receiver.port}/"
        assert sender(turned, allowed=allowed).post(url, b"{}", {}) == Answer(error="connection")
        assert turned.asked == ["rebinding.example"]
        assert sender(turned, allowed=allowed).post(url, b"{}", {}) == Answer(error="address_refused")
        assert receiver.requests == []


def test_every_address_of_a_name_is_tried() -> None:
    with Receiver() as receiver:
        resolver = Resolver([IPv4Address("127.0.0.2"), LOOPBACK])
        assert sender(resolver).post(f"http://two.example:{receiver.port}/", b"{}", {}).taken


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirections_are_not_followed(status: int) -> None:
    with Receiver() as inside, Receiver(lambda *_: Reply(status, {"Location": inside.url})) as receiver:
        answer = sender().post(receiver.url, b"{}", {})
        assert (answer.status, answer.taken) == (status, False)
        assert inside.requests == []


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_proxies_of_the_environment_are_passed_over(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with Receiver() as proxy, Receiver() as receiver:
        monkeypatch.setenv(name, proxy.url)
        assert sender().post(receiver.url, b"{}", {}).taken
        assert (len(receiver.requests), proxy.requests) == (1, [])


@pytest.mark.parametrize(
    "reply", [Reply(seconds=10), Reply(drip_seconds=0.05)], ids=["silent", "a header after another"]
)
def test_an_attempt_ends_in_time_whatever_the_receiver_does(reply: Reply) -> None:
    with Receiver(lambda *_: reply) as receiver:
        began = time.monotonic()
        assert sender(seconds=0.5).post(receiver.url, b"{}", {}) == Answer(error="timeout")
        assert time.monotonic() - began < 2


def test_a_look_up_that_took_too_long_sends_nothing() -> None:
    class Slow(Resolver):
        def __call__(self, host: str, port: int) -> Sequence[Address]:
            time.sleep(1)
            return super().__call__(host, port)

    with Receiver() as receiver:
        began = time.monotonic()
        answer = sender(Slow([LOOPBACK]), seconds=0.2).post(f"http://slow.example:{receiver.port}/", b"{}", {})
        assert time.monotonic() - began < 0.8
        time.sleep(1)
        assert (answer.error, receiver.requests) == ("timeout", [])


def test_the_body_of_an_answer_is_not_waited_for() -> None:
    with Receiver(lambda *_: Reply(200, {"Content-Length": "1000000000"}, linger_seconds=9)) as receiver:
        began = time.monotonic()
        assert sender().post(receiver.url, b"{}", {}).status == 200
        assert time.monotonic() - began < 2


def test_a_receiver_may_say_when_to_come_again() -> None:
    with Receiver(lambda *_: Reply(503, {"Retry-After": "120"})) as receiver:
        assert sender().post(receiver.url, b"{}", {}) == Answer(status=503, retry_after_seconds=120.0)
    with Receiver(lambda *_: Reply(503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})) as receiver:
        assert sender().post(receiver.url, b"{}", {}) == Answer(status=503)


def test_why_there_was_no_answer_is_said_in_a_word() -> None:
    with Receiver() as receiver:
        gone = receiver.url
    assert sender().post(gone, b"{}", {}).error == "connection"
    assert sender().post("http://no-such-name.invalid/", b"{}", {}).error == "name_unknown"
    with Receiver() as plain:
        assert sender().post(plain.url.replace("http:", "https:"), b"{}", {}).error in ("tls", "connection")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of receiver.test, which is its own authority; its key stands in the same file."""
    path = tmp_path_factory.mktemp("tls") / "receiver.pem"
    subject = ["-subj", "/CN=receiver.test", "-addext", "subjectAltName=DNS:receiver.test"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run(
        [*made, "-keyout", str(path), "-out", str(path.with_suffix(".crt"))], check=True, capture_output=True
    )
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


def test_tls_is_verified_for_the_name_though_an_address_is_dialled(certificate: Path) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    shown: list[str | None] = []
    serving.sni_callback = lambda socket, name, context: shown.append(name)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with Receiver(tls=serving) as receiver:
        resolver = Resolver([LOOPBACK])
        url = f"https://receiver.test:{receiver.port}/hook"
        assert sender(resolver, tls=trusting).post(url, b"{}", {}) == Answer(status=204)
        assert receiver.requests[0].headers["host"] == f"receiver.test:{receiver.port}"
        assert shown == ["receiver.test"]
        other = url.replace("receiver.test", "other.test")
        assert sender(resolver, tls=trusting).post(other, b"{}", {}) == Answer(error="tls")
        assert sender(resolver).post(url, b"{}", {}) == Answer(error="tls")
        assert len(receiver.requests) == 1
