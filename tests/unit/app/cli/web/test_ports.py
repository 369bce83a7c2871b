"""Ports that a command listens on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import click
import pytest

from app.cli.web.ports import refuse_taken, remedy

Refusal = Callable[..., str]


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch) -> Refusal:
    """What is said of a port that cannot be bound because of some errno."""

    def said(number: int, *, option: str = "--port", make: bool = False) -> str:
        def bind(_self: socket.socket, _address: object) -> None:
            raise OSError(number, "Address already in use")

        monkeypatch.setattr(socket.socket, "bind", bind)
        with pytest.raises(click.ClickException) as refused:
            refuse_taken("127.0.0.1", 8000, option=option, make=make)
        return refused.value.message

    return said


def test_a_port_that_is_taken_is_refused_with_what_to_type(refusal: Refusal) -> None:
    assert refusal(errno.EADDRINUSE, make=True) == (
        "127.0.0.1:8000 cannot be bound (Address already in use). Give another port: --port 8001 "
        '(with make: make run ARGS="--port 8001").'
    )
    assert refusal(errno.EADDRINUSE, option="--flower-port").endswith("Give another port: --flower-port 8001.")


def test_an_address_that_is_not_there_needs_no_other_port(refusal: Refusal) -> None:
    assert refusal(errno.EADDRNOTAVAIL, make=True).endswith("(this machine has no such address). Give another --host.")


@pytest.mark.parametrize(("port", "other"), [(5555, 5556), (65535, 65534), (80, 8080)])
def test_the_other_port_is_one_that_a_user_may_bind(port: int, other: int) -> None:
    assert remedy(port, "--port", make=False) == f"Give another port: --port {other}."
