"""Ports that a command listens on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping

import click

HIGHEST = 65535
NO_ADDRESS = "this machine has no such address"
PORT = click.IntRange(1, HIGHEST)
"""What an option for a port may be."""


def netloc(host: str, port: int) -> str:
    """Both as they stand in a URL."""
    bare = host.strip("[]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


def refuse_same(ports: Mapping[str, int]) -> None:
    """Raise UsageError if two options name one port."""
    options: dict[int, str] = {}
    for option, port in ports.items():
        if other := options.get(port):
            raise click.UsageError(f"{other} and {option} are both {port}: each needs its own port.")
        options[port] = option


def refuse_taken(host: str, port: int, *, option: str = "--port", make: bool = False) -> None:
    """Raise ClickException for a port that cannot be listened on.

    Args:
        option: by which another is given.
        make: whether the command is also run by make.
    """
    if reason := unbindable(host, port):
        what = "Give another --host." if reason == NO_ADDRESS else remedy(port, option, make=make)
        raise click.ClickException(f"{netloc(host, port)} cannot be bound ({reason}). {what}")


def remedy(port: int, option: str, *, make: bool) -> str:
    """How another port is given, as it is typed."""
    free = port + 8000 if port < 1024 else port + 1 if port < HIGHEST else port - 1  # those below 1024 are root's
    other = f"{option} {free}"
    by_make = f' (with make: make run ARGS="{other}")' if make else ""
    return f"Give another port: {other}{by_make}."


def unbindable(host: str, port: int = 0) -> str:
    """Why an address and a port cannot be listened on; '' if they can. Port 0 asks for the address alone."""
    bare = host.strip("[]")
    with socket.socket(socket.AF_INET6 if ":" in bare else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bare, port))
        except (OSError, UnicodeError) as exc:
            return _reason(exc)
    return ""


def _reason(exc: Exception) -> str:
    if isinstance(exc, OSError) and exc.strerror and exc.errno != errno.EADDRNOTAVAIL:
        return exc.strerror
    return NO_ADDRESS
